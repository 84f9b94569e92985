//! A slot's word in two halves: an id is read whole or not at all, and no flag is lost, at whatever steps a reader and
//! a requester come in between. On the processors that have it, these are handlers, which run between two steps; here
//! they are threads, which have more orders.

use crate::schedule::{as_static, every_order, some_order_breaks, thread};

/// A variant of the word.
trait Slot: Send + Sync + 'static {
    fn new(word: u64) -> Self;
    fn load(&self) -> u64;
    fn store(&self, word: u64);
    fn fetch_or(&self, flags: u64);
    fn fetch_update(&self, change: impl FnMut(u64) -> Option<u64>) -> Result<u64, u64>;
}

macro_rules! variants {
    ($($name:ident,)*) => {$(
        #[allow(dead_code, unreachable_pub, clippy::all, reason = "a mutant leaves something out, and is not made to be read")]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));

            impl super::Slot for Word {
                fn new(word: u64) -> Self {
                    Word::new(word)
                }
                fn load(&self) -> u64 {
                    Word::load(self, Relaxed)
                }
                fn store(&self, word: u64) {
                    Word::store(self, word, Relaxed);
                }
                fn fetch_or(&self, flags: u64) {
                    Word::fetch_or(self, flags, Relaxed);
                }
                fn fetch_update(&self, change: impl FnMut(u64) -> Option<u64>) -> Result<u64, u64> {
                    Word::fetch_update(self, Relaxed, Relaxed, change)
                }
            }
        }
    )*};
}
variants! {
    narrow, narrow_in_place, narrow_in_place_by_update, narrow_read_once, narrow_flags_overwritten,
}

const ID: u64 = (1 << 56) - 1;
/// Ids with different bits in both halves.
const IDS: [u64; 3] = [5 << 24 | 1, 6 << 24 | 2, 7 << 24 | 3];
const FLAG: u64 = 1 << 63;
const OTHER: u64 = 1 << 60;

/// One greenlet after another gets the slot, by both ways to change the id, while another thread reads.
fn ids_are_read_whole<S: Slot>() {
    as_static(S::new(ID), |slot: &S| {
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let id = slot.load() & ID;
                assert!(id == ID || IDS.contains(&id), "half an id: {id:#x}");
            }
        });
        slot.store(IDS[0]);
        slot.store(ID);
        slot.store(IDS[1]);
        let change = |id| slot.fetch_update(|word| Some(word & !ID | id));
        assert_eq!(change(IDS[2]).map(|before| before & ID), Ok(IDS[1]));
        assert!(change(ID).is_ok());
        reader.join().unwrap();
    });
}

/// A request comes while the slot passes to the next greenlet: it finds the first one, or no one, and a flag that is no
/// greenlet's stays.
fn flags_stay<S: Slot>() {
    as_static(S::new(IDS[0]), |slot: &S| {
        let requester = thread::spawn(move || {
            slot.fetch_or(OTHER);
            slot.fetch_update(|word| (word & ID == IDS[0]).then_some(word | FLAG)).is_ok()
        });
        // As a slot is inherited: the flags stay.
        assert!(slot.fetch_update(|word| Some(word & !ID | IDS[1])).is_ok());
        let asked = requester.join().unwrap();
        let word = slot.load();
        assert_eq!(word & ID, IDS[1]);
        assert!(word & OTHER != 0, "a flag is lost");
        assert_eq!(word & FLAG != 0, asked, "a request is lost, or is there and was refused");
    });
}

#[test]
fn no_id_is_read_by_halves() {
    every_order(ids_are_read_whole::<narrow::Word>);
}

#[test]
fn no_flag_is_lost() {
    every_order(flags_stay::<narrow::Word>);
}

#[test]
fn mutants_are_noticed() {
    some_order_breaks(ids_are_read_whole::<narrow_in_place::Word>, &["half an id"]);
    some_order_breaks(ids_are_read_whole::<narrow_in_place_by_update::Word>, &["half an id"]);
    some_order_breaks(ids_are_read_whole::<narrow_read_once::Word>, &["half an id"]);
    some_order_breaks(flags_stay::<narrow_flags_overwritten::Word>, &["a flag is lost"]);
}
