//! Archives of NumPy arrays.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use npyz::{AutoSerialize, Serialize, WriteOptions, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// An archive in the making.
pub(super) struct Archive<'a> {
    zip: ZipWriter<Pretending<'a>>,
}

impl<'a> Archive<'a> {
    /// An empty one.
    pub(super) fn new(file: &'a mut BufWriter<File>) -> Self {
        Self { zip: ZipWriter::new(Pretending::new(file)) }
    }

    /// Adds an array of this shape, row-major.
    pub(super) fn add<T: AutoSerialize + Serialize + Copy>(
        &mut self,
        name: &str,
        shape: &[u64],
        values: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        let count: u64 = shape.iter().product();
        // A fixed date keeps the file a function of the run alone.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(count > u64::from(u32::MAX / 16));
        self.zip.start_file(format!("{name}.npy"), options)?;
        let builder = WriteOptions::new().default_dtype().shape(shape);
        let mut writer = builder.writer(&mut self.zip).begin_nd()?;
        writer.extend(values)?;
        writer.finish()
    }

    /// Closes it.
    pub(super) fn finish(self) -> io::Result<()> {
        let writer = self.zip.finish()?;
        writer.error.map_or(Ok(()), Err)
    }
}

/// A writer that keeps its first error to itself until it is asked, and then only pretends.
///
/// An archive dropped after an error prints to stderr, where our one line about it belongs.
struct Pretending<'a> {
    file: &'a mut BufWriter<File>,
    error: Option<io::Error>,
    /// Where the file would be without the error, and where it would end.
    position: u64,
    end: u64,
}

impl<'a> Pretending<'a> {
    fn new(file: &'a mut BufWriter<File>) -> Self {
        Self { file, error: None, position: 0, end: 0 }
    }

    fn attempt(&mut self, act: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if self.error.is_none() {
            self.error = act(self.file).err();
        }
    }
}

impl Write for Pretending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|file| file.write_all(bytes));
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(BufWriter::flush);
        Ok(())
    }
}

impl Seek for Pretending<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let position = self.position;
        self.attempt(|file| file.seek(SeekFrom::Start(position)).map(|_| ()));
        Ok(position)
    }
}
