//! The text of packets.

/// The answer to a packet that makes no sense.
pub(super) const WRONG: &[u8] = b"E16";

/// The packet for one processor that the actions of a `vCont` amount to: a step if a thread steps, and which thread
/// that is. A machine has no signals.
pub(super) fn action(actions: &str) -> Option<(&'static [u8], Option<u64>)> {
    for action in actions.split(';') {
        let (what, thread) = action.split_once(':').unwrap_or((action, "-1"));
        let thread = if thread == "-1" || thread == "0" { None } else { Some(number(thread)?) };
        match what.bytes().next()? {
            b's' | b'S' => return Some((b"s", thread)),
            b'c' | b'C' => {}
            _ => return None,
        }
    }
    Some((b"c", None))
}

/// Whether the machine has ended.
pub(super) fn has_ended(answer: &[u8]) -> bool {
    matches!(answer.first(), Some(b'W' | b'X'))
}

/// Whether the answer to a packet is a stop reply.
pub(super) fn is_resumption(packet: &[u8]) -> bool {
    matches!(packet.first(), Some(b'c' | b's' | b'C' | b'S' | b'v' | b'?'))
}

/// Whether an answer is output of the machine or of its monitor.
pub(super) fn is_output(answer: &[u8]) -> bool {
    answer.first() == Some(&b'O') && answer != b"OK"
}

/// A list of features without some.
pub(super) fn without(features: &str, names: &[&str]) -> String {
    let (start, list) = features.strip_prefix(':').map_or(("", features), |list| (":", list));
    let left: Vec<_> = list.split(';').filter(|feature| !names.contains(feature)).collect();
    format!("{start}{}", left.join(";"))
}

/// A number of a packet, in hexadecimal digits.
pub(super) fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_left_out_of_a_list() {
        let names = ["multiprocess+", "vContSupported+"];
        assert_eq!(without(":multiprocess+;swbreak+", &names), ":swbreak+");
        assert_eq!(without("PacketSize=1000;vContSupported+;multiprocess+", &names), "PacketSize=1000");
        assert_eq!(without("", &names), "");
    }

    #[test]
    fn actions_are_a_step_if_one_thread_steps() {
        assert_eq!(action("s:d;c"), Some((&b"s"[..], Some(13))));
        assert_eq!(action("c:1;S05:2"), Some((&b"s"[..], Some(2))));
        assert_eq!(action("c"), Some((&b"c"[..], None)));
        assert_eq!(action("s:-1"), Some((&b"s"[..], None)));
        assert_eq!((action(""), action("r1,2:3"), action("s:x")), (None, None, None));
    }

    #[test]
    fn what_is_printed_is_no_answer() {
        assert!(is_output(b"O414243") && !is_output(b"OK") && !is_output(b""));
        assert!(has_ended(b"W10") && !has_ended(b"T05"));
    }
}
