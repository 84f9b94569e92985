//! In which order partners are visited.

/// At least as many visits, so that no predictor learns them by heart.
const LEAST: usize = 1 << 14;

/// One after the other.
pub(crate) fn ring(targets: usize) -> Vec<u32> {
    (0..targets as u32).collect()
}

/// At random, the same for all entrants: each target equally often, in a new order each time round.
pub(crate) fn random(targets: usize) -> Vec<u32> {
    let mut order = Vec::with_capacity(targets.max(LEAST) + targets);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while order.len() < LEAST.max(targets) {
        let first = order.len();
        order.extend(0..targets as u32);
        // Fisher and Yates, with Marsaglia's xorshift.
        for last in (1..targets).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.swap(first + last, first + (state % (last as u64 + 1)) as usize);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_target_has_its_turn_equally_often() {
        for targets in [1, 8, 1000] {
            let order = super::random(targets);
            let visits = |target| order.iter().filter(|&&visited| visited == target).count();
            assert!((0..targets as u32).all(|target| visits(target) == order.len() / targets), "{targets}");
            assert_ne!(targets > 1, order[..targets] == super::ring(targets));
        }
    }
}
