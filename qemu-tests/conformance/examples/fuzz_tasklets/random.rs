//! Makes scenarios: number `INDEX` of a seed is the same one everywhere. Each is of one of four families, which weigh
//! the ops in their own way, and small enough for its tasklets to meet.

use std::fmt::Write as _;

const CHANNELS: &[(&str, u32)] = &[
    ("send", 120),
    ("recv", 120),
    ("sched", 30),
    ("bal", 10),
    ("chq", 20),
    ("cnt", 10),
    ("pref", 12),
    ("all", 6),
    ("close", 7),
    ("open", 3),
    ("next", 15),
    ("each", 12),
    ("sstop", 8),
    ("trap", 3),
    ("st", 10),
    ("cur", 3),
    ("new", 10),
    ("runall", 3),
];
const TURNS: &[(&str, u32)] = &[
    ("sched", 70),
    ("park", 30),
    ("runall", 25),
    ("ins", 40),
    ("rem", 30),
    ("run", 50),
    ("swt", 30),
    ("kill", 20),
    ("new", 15),
    ("make", 10),
    ("ring", 30),
    ("st", 20),
    ("cnt", 10),
    ("cur", 6),
    ("exit", 3),
    ("send", 10),
    ("recv", 15),
];
const ERRORS: &[(&str, u32)] = &[
    ("th", 50),
    ("kill", 40),
    ("raise", 12),
    ("exit", 5),
    ("serr", 30),
    ("sexit", 8),
    ("sstop", 8),
    ("send", 30),
    ("recv", 50),
    ("next", 7),
    ("each", 7),
    ("runall", 15),
    ("sched", 30),
    ("run", 10),
    ("park", 10),
    ("trap", 8),
    ("close", 4),
    ("st", 10),
    ("cnt", 4),
    ("ring", 8),
    ("chq", 8),
    ("new", 10),
    ("make", 4),
];
const CELLS: &[(&str, u32)] = &[("temp", 250), ("tq", 150)];

/// The arguments of each op: `s` a slot but 0, `t` a slot, `h` a channel, `v` a value, `c` an error, `w` when, `p` a
/// preference, `b` a flag, `f` what is caught.
const ARGUMENTS: &[(&str, &str)] = &[
    ("new", "s"),
    ("make", "s"),
    ("sched", "vf"),
    ("park", "vf"),
    ("runall", "f"),
    ("ins", "t"),
    ("rem", "t"),
    ("run", "tf"),
    ("swt", "tf"),
    ("th", "tcwf"),
    ("kill", "twf"),
    ("send", "hvf"),
    ("serr", "hcf"),
    ("sexit", "hf"),
    ("sstop", "hf"),
    ("recv", "hf"),
    ("next", "hf"),
    ("each", "hf"),
    ("pref", "hp"),
    ("all", "hb"),
    ("close", "h"),
    ("open", "h"),
    ("trap", "tb"),
    ("temp", "tv"),
    ("bal", "h"),
    ("chq", "h"),
    ("cnt", ""),
    ("cur", ""),
    ("st", "t"),
    ("ring", ""),
    ("tq", "t"),
    ("raise", "c"),
    ("exit", ""),
];

/// Scenario number `index` of a seed.
pub(crate) fn scenario(seed: u64, index: u64) -> String {
    let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index.wrapping_mul(0xD134_2543_DE82_EF95));
    let most = if numbers.one_of(8) { 16 } else { 6 };
    let slots = numbers.between(2, most);
    let channels = numbers.between(1, if slots < 6 { 2 } else { 4 });
    let mixed = [CHANNELS, TURNS, ERRORS, CELLS].concat();
    let family = [CHANNELS, TURNS, ERRORS, &mixed][numbers.below(4) as usize];
    let drain = if numbers.one_of(2) { "runall" } else { "sched" };
    let mut maker = Maker { numbers, slots, channels, family, drain, value: 0 };
    let mut text = format!("scenario s{seed}_{index}\nslots {slots}\nchannels {channels}\n");
    for slot in 0..slots {
        let _ = writeln!(text, "script {slot}");
        for line in maker.script(slot) {
            let _ = writeln!(text, "{line}");
        }
    }
    text.push_str("end\n");
    text
}

struct Maker<'a> {
    numbers: Numbers,
    slots: u64,
    channels: u64,
    family: &'a [(&'static str, u32)],
    /// How main lets the others run.
    drain: &'static str,
    value: u64,
}

impl Maker<'_> {
    fn script(&mut self, me: u64) -> Vec<String> {
        let mut lines = Vec::new();
        if me == 0 {
            for channel in 0..self.channels {
                if self.numbers.one_of(2) {
                    lines.push(format!("pref {channel} {}", self.argument('p', me)));
                }
                if self.numbers.one_of(8) {
                    lines.push(format!("all {channel} 1"));
                }
            }
            for slot in 1..self.slots.min(10) {
                if !self.numbers.one_of(7) {
                    lines.push(format!("{} {slot}", if self.numbers.one_of(6) { "make" } else { "new" }));
                }
            }
        }
        for _ in 0..self.numbers.between(2, 9) {
            let name = if me == 0 && self.numbers.one_of(7) { self.drain } else { self.name() };
            lines.push(self.op(name, me));
        }
        if me == 0 && !self.numbers.one_of(3) {
            lines.push(self.op(self.drain, me));
        }
        lines.truncate(conformance::MAX_OPS);
        lines
    }

    fn name(&mut self) -> &'static str {
        let total: u32 = self.family.iter().map(|(_, weight)| weight).sum();
        let mut at = self.numbers.below(u64::from(total)) as u32;
        for &(name, weight) in self.family {
            if at < weight {
                return name;
            }
            at -= weight;
        }
        unreachable!("below the sum of the weights")
    }

    fn op(&mut self, name: &str, me: u64) -> String {
        let kinds = ARGUMENTS.iter().find(|(known, _)| *known == name).map_or("", |(_, kinds)| kinds);
        kinds.chars().fold(name.to_owned(), |line, kind| line + " " + &self.argument(kind, me))
    }

    fn argument(&mut self, kind: char, me: u64) -> String {
        match kind {
            's' => self.numbers.between(1, self.slots - 1).to_string(),
            't' if self.numbers.one_of(14) => me.to_string(),
            't' => self.numbers.below(self.slots).to_string(),
            'h' => self.numbers.below(self.channels).to_string(),
            'v' if self.numbers.one_of(10) => "-".to_owned(),
            'v' | 'c' => {
                self.value = (self.value + 1) % 1000;
                self.value.to_string()
            }
            'w' => ["now", "now", "later"][self.numbers.below(3) as usize].to_owned(),
            'p' => ["-1", "0", "1"][self.numbers.below(3) as usize].to_owned(),
            'b' => ["0", "1", "1"][self.numbers.below(3) as usize].to_owned(),
            // Main catches nearly all, so that scenarios continue.
            _ if me == 0 => {
                ["-", "e", "x", "a", "a", "a", "a", "a", "a", "a"][self.numbers.below(10) as usize].to_owned()
            }
            _ => ["-", "-", "-", "e", "x", "a", "a"][self.numbers.below(7) as usize].to_owned(),
        }
    }
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn one_of(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}
