//! The registers of threads: those of the processor, or those that a suspended greenlet has in its control block.

use anyhow::Result;

use super::packet::{WRONG, hex, number};
use super::session::Session;
use crate::greenlets::State;

impl Session<'_> {
    /// `g` and `p`.
    pub(super) fn registers(&mut self, text: &str) -> Result<Vec<u8>> {
        let now = self.now()?;
        let greenlet = match self.general.filter(|&thread| thread != now) {
            Some(thread) => match self.greenlet(thread)? {
                Some(greenlet) => Some(greenlet),
                None => return Ok(WRONG.to_vec()),
            },
            // At the jump of a switch it is shown with its own stack.
            None => self.here.clone().filter(|greenlet| greenlet.leaves),
        };
        let Some(greenlet) = greenlet else { return self.stub.exchange(text.as_bytes()) };
        if greenlet.core != self.core {
            self.stub.select(greenlet.core)?;
        }
        let answer = self.stub.exchange(text.as_bytes())?;
        if greenlet.core != self.core {
            self.stub.select(self.core)?;
        }
        if answer.first().is_none_or(|first| *first == b'E') {
            return Ok(answer);
        }
        let isa = self.program.isa;
        let saved = [(isa.sp, greenlet.sp), (isa.frame, greenlet.frame), (isa.reserved, greenlet.reserved)];
        let number = text.get(1..).and_then(number);
        Ok(match greenlet.state {
            State::Running if greenlet.leaves => with(answer, isa.word, number, &saved),
            State::Running => answer,
            _ => {
                let unknown = vec![b'x'; answer.len()];
                with(with(unknown, isa.word, number, &saved), isa.word, number, &[(isa.pc, greenlet.pc)])
            }
        })
    }

    /// `G` and `P`, of the processor only.
    pub(super) fn set_registers(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        let now = self.now()?;
        if self.general.is_some_and(|thread| thread != now) {
            return Ok(WRONG.to_vec());
        }
        self.forget();
        self.stub.exchange(packet)
    }
}

/// The answer to `g`, or to `p` of the register `number`, with these values of registers, which have `word` bytes.
fn with(mut answer: Vec<u8>, word: usize, number: Option<u64>, values: &[(usize, u64)]) -> Vec<u8> {
    for &(register, value) in values {
        let at = match number {
            None => 2 * word * register,
            Some(number) if number == register as u64 => 0,
            Some(_) => continue,
        };
        if let Some(place) = answer.get_mut(at..at + 2 * word) {
            place.copy_from_slice(&hex(&value.to_le_bytes()[..word]));
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_the_place_of_its_register() {
        let all = with(vec![b'x'; 40], 8, None, &[(1, 0x1234), (2, 1)]);
        assert_eq!(String::from_utf8(all).unwrap(), "xxxxxxxxxxxxxxxx3412000000000000xxxxxxxx"); // the last one is cut
        assert_eq!(with(b"0000000000000000".to_vec(), 8, Some(1), &[(1, 0xff)]), b"ff00000000000000");
        assert_eq!(with(b"00".to_vec(), 8, Some(7), &[(1, 0xff)]), b"00");
        assert_eq!(with(vec![b'x'; 20], 4, None, &[(1, 0x1234)]), b"xxxxxxxx34120000xxxx");
    }
}
