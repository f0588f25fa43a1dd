//! The law of threads: one seed gives the same bits, however many threads share the work.

use rand_core::Rng;

use crate::{Budget, Verdict, VerifyError};

/// Everything a program computes from `(seed, threads)`, as bits.
pub type Program<'a> = dyn Fn(u64, usize) -> Result<Vec<u64>, VerifyError> + 'a;

/// The bits of numbers; zeros of different signs and different NaN differ.
pub fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The bits of the program are those of its run on the first of the `threads`.
///
/// Path by path, for two seeds. A pass excludes sums whose order follows the schedule, streams that
/// belong to threads and results that depend on how work is cut, on the paths that ran; it needs work that is
/// large enough to be cut. Inconclusive if the program computes nothing, or the same from both seeds.
///
/// # Errors
/// Those of the program; fewer than two numbers of threads; an unusable budget.
pub fn invariance(
    name: &str,
    program: &Program<'_>,
    threads: &[usize],
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "threads::invariance";
    budget.check()?;
    VerifyError::check_samples("numbers of threads", 2, threads.len())?;
    let mut stream = budget.key(LAW, name).stream();
    let seeds = [(); 2].map(|()| stream.next_u64());
    let (mut first_runs, mut differences) = (Vec::new(), Vec::new());
    for seed in seeds {
        let mut expected: Option<Vec<u64>> = None;
        for &count in threads {
            let found = program(seed, count)?;
            let Some(expected) = &expected else {
                expected = Some(found);
                continue;
            };
            if let Some(difference) = difference(expected, &found) {
                differences.push(format!("{count} threads, seed {seed}: {difference}"));
            }
        }
        first_runs.extend(expected);
    }
    let p_value = if differences.is_empty() { 1.0 } else { 0.0 };
    let numbers: usize = first_runs.iter().map(Vec::len).sum();
    let detail = match differences.first() {
        Some(difference) => difference.clone(),
        None => format!("{numbers} numbers on {threads:?} threads"),
    };
    let samples = threads.len() * numbers;
    let verdict = Verdict::from_p_value((LAW, name), budget, samples, p_value, detail);
    let constant = numbers == 0 || first_runs.windows(2).any(|pair| pair[0] == pair[1]);
    if verdict.passed() && constant {
        return Ok(verdict.without_premise("both seeds give the same".to_owned()));
    }
    Ok(verdict)
}

/// Where two runs part, if they do.
fn difference(expected: &[u64], found: &[u64]) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("{} numbers instead of {}", found.len(), expected.len()));
    }
    let index = expected.iter().zip(found).position(|(a, b)| a != b)?;
    let [a, b] = [expected, found].map(|bits| f64::from_bits(bits[index]));
    Some(format!("number {index} is {b:e} instead of {a:e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conclusion;
    use amc_core::rng::{Key, Purpose};

    fn verdict(program: &Program<'_>) -> Conclusion {
        let budget = Budget { false_positive: 1e-9, samples: 100, seed: 5 };
        invariance("program", program, &[1, 2, 3], &budget).unwrap().conclusion
    }

    /// Fails if one bit, one missing number or a stream of the thread passes, or a program that ignores its
    /// seed counts as proof.
    #[test]
    fn differences_are_seen() {
        let numbers = |seed: u64| -> Vec<f64> {
            let mut stream = Key::new(seed, Purpose::User).stream();
            (0..9).map(|_| stream.uniform()).collect()
        };
        assert_eq!(verdict(&|seed, _| Ok(bits(&numbers(seed)))), Conclusion::Passed);
        let one_bit = |seed, threads: usize| {
            let mut found = bits(&numbers(seed));
            found[8] ^= u64::from(threads == 3);
            Ok(found)
        };
        assert_eq!(verdict(&one_bit), Conclusion::Refuted);
        let shorter = |seed, threads| Ok(bits(&numbers(seed)[threads..]));
        assert_eq!(verdict(&shorter), Conclusion::Refuted);
        let own_streams = |seed, threads: usize| Ok(bits(&numbers(seed + threads as u64)));
        assert_eq!(verdict(&own_streams), Conclusion::Refuted);
        assert_eq!(verdict(&|_, _| Ok(bits(&numbers(7)))), Conclusion::Inconclusive);
        assert_eq!(verdict(&|_, _| Ok(Vec::new())), Conclusion::Inconclusive);
    }
}
