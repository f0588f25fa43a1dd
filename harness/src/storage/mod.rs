//! Files that survive whatever happens to the process that writes them.
//!
//! | what | how | file |
//! |---|---|---|
//! | a file that is whole or absent | written beside its place, brought to the disk, renamed | `replace.rs` |
//! | a file with the one before it, one of them whole | the same, and the old one renamed first | `replace.rs` |
//! | a file whose damage is seen | its SHA-256 behind its contents | `sealed.rs` |
//! | a run that another process can go on with | finished stages, the state of the one in progress, and the state before | `journal.rs` |
//! | a folder that one process at a time works in | a lock of the system | `lock.rs` |
//! | a folder that is complete | names, sizes and SHA-256 of its files, written last | `manifest.rs` |

mod digits;
mod journal;
mod lock;
mod manifest;
mod replace;
mod sealed;
#[cfg(test)]
mod tests;

pub(crate) use digits::hex;
pub use journal::{Every, Identity, Journal, JournalError};
pub use lock::Lock;
pub use manifest::{Manifest, ManifestError, Recorded};
pub use replace::replace;
pub(crate) use replace::write_through;
pub(crate) use replace::{create_folder, rotate, sync_folder, sync_names};
pub(crate) use sealed::{SealError, read_sealed, write_sealed};
