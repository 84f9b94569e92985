//! Writes the kernel's files as modules, once as they are and once for every mutant: a known mistake put into the text,
//! which the models must notice. A mutant whose text is not found any more fails the build, so that none goes stale.

use std::path::Path;
use std::{env, fs};

/// The sources of the lowest layer.
const SOURCES: &str = "../../src/records";

/// A file of the kernel, a name for what is done to it, and that.
type Variant = (&'static str, &'static str, &'static [Change]);
/// What stands there, and what is put there instead.
type Change = (&'static str, &'static str);

/// Files of the hub that are modelled, from [`SOURCES`].
const BELL: &str = "../../crates/greenlet-hub/src/wakes/bell.rs";
const BELL_WORD: &str = "../../crates/greenlet-hub/src/wakes/narrow.rs";
const WAITER: &str = "../../crates/greenlet-hub/src/wakes/waiter.rs";
const RING: &str = "../../crates/greenlet-hub/src/wakes/ring.rs";

/// A bell with the word of 32-bit processors.
const NARROW: Change =
    ("use crate::atomics::{AtomicPtr, Word};", "use crate::atomics::AtomicPtr;\nuse crate::hub::bell_word::Word;");
/// The last generation before the high half changes.
const LAST_OF_LOW: Change = ("Word::new(0)", "Word::new(((1 << 28) - 1) << 3)");

const VARIANTS: &[Variant] = &[
    ("pool/slots.rs", "slots", &[]),
    // A core that was late sees the head that it read, and takes it for the one that it read.
    (
        "pool/slots.rs",
        "slots_uncounted",
        &[("((head >> HALF).wrapping_add(1) << HALF) | first as Bits", "head & 0 | first as Bits")],
    ),
    // The head is replaced, even if it was changed meanwhile.
    (
        "pool/slots.rs",
        "slots_stored",
        &[(
            "top.compare_exchange_weak(head, after(head, slot + 1), Ordering::Release, Ordering::Relaxed)",
            "Ok::<(), u64>(top.store(after(head, slot + 1), Ordering::Release))",
        )],
    ),
    // A slot can be found before it is known what comes after it.
    (
        "pool/slots.rs",
        "slots_linked_late",
        &[
            ("link.store(head as u32 & FIRST, Ordering::Relaxed);", ""),
            ("Ok(_) => return,", "Ok(_) => return link.store(head as u32 & FIRST, Ordering::Relaxed),"),
        ],
    ),
    // Two cores may take the same slot that was never used.
    (
        "pool/slots.rs",
        "slots_fresh_twice",
        &[(
            "self.ever_used\n            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| ((used as usize) < N).then(|| used + 1))\n            .ok()",
            "let used = self.ever_used.load(Ordering::Relaxed);\n        ((used as usize) < N).then(|| { self.ever_used.store(used + 1, Ordering::Relaxed); used })",
        )],
    ),
    ("pool/tally.rs", "tally", &[]),
    ("pool/list.rs", "list", &[]),
    // Every core becomes the owner.
    ("pool/list.rs", "list_of_any_core", &[("self.owner.load(Ordering::Relaxed) == core", "true")]),
    // No core ceases to be the owner.
    ("pool/list.rs", "list_never_released", &[("self.owner.store(ptr::null_mut(), Ordering::Release);", "")]),
    // The list of late ones is replaced, even if it was changed meanwhile.
    (
        "pool/list.rs",
        "list_late_stored",
        &[(
            "self.late.compare_exchange_weak(first, block.cast_mut(), Ordering::Release, Ordering::Relaxed)",
            "Ok::<(), *mut Block>(self.late.store(block.cast_mut(), Ordering::Release))",
        )],
    ),
    // Late ones are never looked for.
    ("pool/list.rs", "list_late_lost", &[(".or_else(|| self.collect())", "")]),
    // The stack that was released last is given out whatever it is.
    ("pool/list.rs", "list_linked", &[("if !fits(unsafe { &*last }) {", "if false {")]),
    // Weak memory, for Miri: the next owner need not see what the last one left.
    (
        "pool/list.rs",
        "list_relaxed_owner",
        &[(
            "self.owner.store(ptr::null_mut(), Ordering::Release);",
            "self.owner.store(ptr::null_mut(), Ordering::Relaxed);",
        )],
    ),
    ("mail.rs", "mail", &[]),
    // The greenlet that has the slot by now gets the request.
    ("mail.rs", "mail_for_any_greenlet", &[("(word & (NUMBER | ENDED) == id)", "(word & ENDED == 0)")]),
    // Asked and found to be there, gone, and a request left all the same.
    (
        "mail.rs",
        "mail_in_two_steps",
        &[(
            "let before = slot.word.fetch_update(AcqRel, Relaxed, |word| {\n            let link = if word & (asked | linked) == 0 { linked } else { 0 };\n            (word & (NUMBER | ENDED) == id).then_some(word | asked | link)\n        });",
            "let word = slot.word.load(Relaxed);\n        let link = if word & (asked | linked) == 0 { linked } else { 0 };\n        let before = if word & (NUMBER | ENDED) == id { Ok(slot.word.fetch_or(asked | link, AcqRel)) } else { Err(word) };",
        )],
    ),
    // A request is left at a greenlet whose tree has ended, and is never settled.
    ("mail.rs", "mail_after_the_end", &[("(word & (NUMBER | ENDED) == id)", "(word & NUMBER == id)")]),
    // To settle one request loses the other.
    (
        "mail.rs",
        "mail_taken_together",
        &[("Some(word & !(request.linked() | settled))", "Some(word & (NUMBER | ENDED | LINKED) & !request.linked())")],
    ),
    // The inbox is replaced, even if it was changed meanwhile.
    (
        "mail.rs",
        "mail_put_in_by_store",
        &[(
            "list.inbox.compare_exchange_weak(first, number.as_ptr(), Release, Relaxed)",
            "Ok::<(), *mut Number>(list.inbox.store(number.as_ptr(), Release))",
        )],
    ),
    // What is put in between the two steps is lost.
    (
        "mail.rs",
        "mail_collected_by_store",
        &[(
            "let mut newest = list.inbox.swap(ptr::null_mut(), Acquire);",
            "let mut newest = list.inbox.load(Acquire);\n        list.inbox.store(ptr::null_mut(), Relaxed);",
        )],
    ),
    // A slot that is in a list is put into it once more.
    ("mail.rs", "mail_linked_no_more", &[("Some(FREE | word & LINKED)", "Some(FREE)")]),
    // The next one's tree relies on a list at which it does not look.
    ("mail.rs", "mail_never_strange", &[("if ours { 0 } else { linked >> 2 }", "0")]),
    // A core that takes a slot out takes what was requested of another tree's greenlet.
    (
        "mail.rs",
        "mail_strangers_taken",
        &[(
            "if word & request.strange() == 0 { request.asked() } else { request.strange() }",
            "request.asked() | request.strange()",
        )],
    ),
    // A slot that could not be put into a list is not reported.
    ("mail.rs", "mail_none_is_missing", &[("list.missing.fetch_or(whose, Release);", "")]),
    // A slot that a requester has not pushed yet is taken for one that is in a list.
    (
        "mail.rs",
        "mail_none_is_late",
        &[
            ("missing.fetch_add(REQUESTER, Relaxed); // seen", "// seen"),
            ("missing.fetch_sub(REQUESTER, Release);", ""),
        ],
    ),
    // The same of a slot that is in another tree's list.
    (
        "mail.rs",
        "mail_none_is_elsewhere",
        &[("if before & request.strange() == 0 { LINKED_ASKED } else { STRANGE_ASKED }", "LINKED_ASKED")],
    ),
    // A core that settles between the two steps finds nothing, and the bell is not rung again.
    (
        "mail.rs",
        "mail_rung_first",
        &[
            (
                "        let left = unsafe { self.post(number, id, request) };",
                "        self.ring();\n        // SAFETY: as above.\n        let left = unsafe { self.post(number, id, request) };",
            ),
            ("        if left && matches!(request, Request::Kill) {\n            self.ring();\n        }\n", ""),
        ],
    ),
    // A core that leaves does not see that another is about to ring.
    (
        "mail.rs",
        "mail_rung_uncounted",
        &[("self.ringing.fetch_add(1, AcqRel);", ""), ("self.ringing.fetch_sub(1, Release);", "")],
    ),
    // Weak memory, for Miri: a slot may be found before its link is visible.
    (
        "mail.rs",
        "mail_relaxed",
        &[(
            "compare_exchange_weak(first, number.as_ptr(), Release, Relaxed)",
            "compare_exchange_weak(first, number.as_ptr(), Relaxed, Relaxed)",
        )],
    ),
    // The mail of 32-bit processors. Its orders are more than there are: no other core runs there.
    (
        "mail.rs",
        "mail_narrow",
        &[(
            "use crate::records::sync::{AtomicPtr, AtomicU32, Word};",
            "use crate::records::narrow::Word;\nuse crate::records::sync::{AtomicPtr, AtomicU32};",
        )],
    ),
    ("narrow.rs", "narrow", &[]),
    // An id that is changed looks like one of which there is half.
    ("narrow.rs", "narrow_in_place", &[("self.low.store(LOW, Relaxed);", "")]),
    (
        "narrow.rs",
        "narrow_in_place_by_update",
        &[("let next = if is_same { low_half(new) } else { low_half(new) | LOW };", "let next = low_half(new);")],
    ),
    // The second look at the low half is left out.
    ("narrow.rs", "narrow_read_once", &[("if (before ^ low) & LOW == 0 {", "if before == before {")]),
    // A flag that comes while the id is changed is lost.
    (
        "narrow.rs",
        "narrow_flags_overwritten",
        &[("self.low.fetch_and(low_half(new) | !LOW, Relaxed);", "self.low.store(low_half(new), Relaxed);")],
    ),
    (BELL, "bell", &[]),
    // A wake after the slot was collected finds it notified still, and does not push it.
    (
        BELL,
        "bell_not_rung_again",
        &[(
            "self.word.fetch_and(!(NOTIFIED | KILL), AcqRel) & KILL != 0",
            "self.word.fetch_and(!KILL, AcqRel) & KILL != 0",
        )],
    ),
    // The link is read when another wake may have pushed the bell again.
    (
        BELL,
        "bell_collected_first",
        &[(
            "            reversed = rung.link.load(Relaxed);\n            let killed = rung.collect();",
            "            let killed = rung.collect();\n            reversed = rung.link.load(Relaxed);",
        )],
    ),
    // The inbox is replaced, even if it was changed meanwhile.
    (
        BELL,
        "bell_pushed_by_store",
        &[(
            "self.0.compare_exchange_weak(head, bell.as_ptr(), Release, Relaxed)",
            "Ok::<*mut Bell, *mut Bell>({ self.0.store(bell.as_ptr(), Release); head })",
        )],
    ),
    // The task that has the slot by now is killed.
    (BELL, "bell_for_any_task", &[("if now / GENERATION != generation || now & OVER != 0 {", "if false {")]),
    // A kill that the task did not live to see is the next one's.
    (BELL, "bell_kill_kept", &[("(now & !(KILL | OVER)) + GENERATION", "(now & !OVER) + GENERATION")]),
    (BELL_WORD, "bell_word", &[]),
    // While the high half is changed, the word reads as that of an old task.
    (
        BELL_WORD,
        "bell_word_in_place",
        &[("let next = if stays { low_half(new) } else { low_half(new) | CHANGING };", "let next = low_half(new);")],
    ),
    // Flags that come while the high half is changed are lost.
    (
        BELL_WORD,
        "bell_word_overwritten",
        &[("self.low.fetch_and(!CHANGING, Release);", "self.low.store(low_half(new), Release);")],
    ),
    // The bell of 32-bit processors, of a slot whose next generation changes the high half.
    (BELL, "bell_narrow", &[NARROW, LAST_OF_LOW]),
    (
        BELL,
        "bell_narrow_in_place",
        &[
            (
                "use crate::atomics::{AtomicPtr, Word};",
                "use crate::atomics::AtomicPtr;\nuse crate::hub::bell_word_in_place::Word;",
            ),
            LAST_OF_LOW,
        ],
    ),
    (
        BELL,
        "bell_narrow_overwritten",
        &[
            (
                "use crate::atomics::{AtomicPtr, Word};",
                "use crate::atomics::AtomicPtr;\nuse crate::hub::bell_word_overwritten::Word;",
            ),
            LAST_OF_LOW,
        ],
    ),
    (WAITER, "waiter", &[]),
    // A task that begins to wait between the two steps sees no bits, and is not woken.
    (
        WAITER,
        "waiter_read_first",
        &[(
            "        self.bits.fetch_or(bits, SeqCst);\n        self.waiter.get()",
            "        let waiter = self.waiter.get();\n        self.bits.fetch_or(bits, SeqCst);\n        waiter",
        )],
    ),
    (RING, "ring", &[]),
    // Two senders may write the same cell.
    (
        RING,
        "ring_claimed_by_store",
        &[(
            "self.tail.compare_exchange_weak(place, place.wrapping_add(1), Relaxed, Relaxed)",
            "Ok::<usize, usize>({ self.tail.store(place.wrapping_add(1), Relaxed); place })",
        )],
    ),
    // The receiver gives the cell back before it has looked whether it was published.
    (
        RING,
        "ring_published_first",
        &[(
            "if cell.turn.load(SeqCst).wrapping_add(place % N) != place.wrapping_add(1) {",
            "if self.tail.load(SeqCst) == place {",
        )],
    ),
];

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for (file, name, changes) in VARIANTS {
        let path = Path::new(SOURCES).join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (found, put) in *changes {
            let places = text.matches(found).count();
            assert!(
                places == 1,
                "{name}: {places} places in {} have\n{found}\nA mutant changes one; write it anew in build.rs",
                path.display()
            );
            text = text.replace(found, put);
        }
        // Inner documentation may stand at the beginning of a file only, and this becomes the inside of a module.
        // The files of the hub name these two from its root.
        let text = text.replace("crate::atomics", "crate::hub::atomics").replace("crate::wakes::bell", "super::bell");
        // A file's own tests come last. They run with real atomics: those here work under the scheduler alone.
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<_> = text.lines().filter(|line| !line.starts_with("//!")).collect();
        fs::write(Path::new(&out).join(name).with_extension("rs"), code.join("\n")).expect("OUT_DIR can be written");
    }
    println!("cargo::rerun-if-changed=build.rs");
    // What is only there with this feature of the kernel is not modelled.
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"alloc\"))");
    println!("cargo::rustc-check-cfg=cfg(small)");
}
