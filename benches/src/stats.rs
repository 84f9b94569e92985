//! What is made of the samples of a run.

/// The median of samples, and the distance between their quartiles as a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) spread: f64,
}

/// Summarizes; `None` without samples.
pub(crate) fn summarize(samples: &mut [f64]) -> Option<Summary> {
    samples.sort_by(f64::total_cmp);
    let at = |quarter: usize| samples.get(samples.len().saturating_sub(1) * quarter / 4).copied();
    let median = at(2)?;
    Some(Summary { median, spread: (at(3)? - at(1)?) / median })
}

#[cfg(test)]
mod tests {
    use super::summarize;

    #[test]
    fn the_middle_half() {
        let summary = summarize(&mut [5.0, 1.0, 100.0, 4.0, 3.0]).unwrap();
        assert_eq!((summary.median, summary.spread), (4.0, 0.5));
        assert!(summarize(&mut []).is_none());
    }
}
