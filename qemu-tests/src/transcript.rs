//! The output of a guest, and its comparison with what is kept of it in `transcripts.txt`.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The file in a folder of guests with their expected transcripts, each after a line `==== NAME`, in the order of
/// names.
pub const FILE: &str = "transcripts.txt";

/// The start of the line before a transcript.
const HEAD: &str = "==== ";

/// The transcripts in the `text` of a [`FILE`], each with its name.
pub fn kept(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text.strip_prefix(HEAD);
    std::iter::from_fn(move || {
        let (name, lines) = rest?.split_once('\n')?;
        let end = if lines.starts_with(HEAD) { 0 } else { lines.find("\n==== ").map_or(lines.len(), |at| at + 1) };
        let (transcript, others) = lines.split_at(end);
        rest = others.strip_prefix(HEAD);
        Some((name, transcript))
    })
}

/// The `text` of a [`FILE`] in which `transcript` is that of `name`, whether it had one or not.
#[must_use]
pub fn with(text: &str, name: &str, transcript: &str) -> String {
    let mut all: BTreeMap<_, _> = kept(text).collect();
    all.insert(name, transcript);
    all.into_iter().flat_map(|(name, transcript)| [HEAD, name, "\n", transcript]).collect()
}

/// The text of a guest's output. Bytes that are not UTF-8 are replaced, so that they are shown and not hidden.
#[must_use]
pub fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).replace('\r', "")
}

/// Whether `line` is a note: shown, but not compared, because it differs from machine to machine.
fn is_note(line: &str) -> bool {
    line == "#" || line.starts_with("# ")
}

/// A transcript in the form in which it is kept: without its notes.
#[must_use]
pub fn without_notes(transcript: &str) -> String {
    transcript.lines().filter(|line| !is_note(line)).flat_map(|line| [line, "\n"]).collect()
}

/// The last lines of a transcript, indented for a message; or a sentence that there is none.
#[must_use]
pub fn tail(transcript: &str) -> String {
    /// How many lines: enough to see what the guest was doing.
    const SHOWN: usize = 10;
    let lines: Vec<_> = transcript.lines().collect();
    if lines.is_empty() {
        return "  (it printed nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(SHOWN)..].iter().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

/// Compares a transcript, without its notes, with the `expected` one.
///
/// # Errors
///
/// The first difference, with the lines before it.
pub fn compare(transcript: &str, expected: &str) -> Result<(), String> {
    /// How many equal lines are shown before a difference.
    const BEFORE: usize = 3;
    let got: Vec<_> = transcript.lines().filter(|line| !is_note(line)).collect();
    let wanted: Vec<_> = expected.lines().collect();
    if wanted.is_empty() {
        return Err("the expected transcript is empty, and so shows nothing".to_owned());
    }
    let agreed = got.iter().zip(&wanted).take_while(|(got, wanted)| got == wanted).count();
    if agreed == got.len() && agreed == wanted.len() {
        return Ok(());
    }
    let mut message = format!("line {} of the transcript, notes not counted, differs:\n", agreed + 1);
    for line in &got[agreed.saturating_sub(BEFORE)..agreed] {
        let _infallible = writeln!(message, "    {line}");
    }
    let shown = |line: Option<&&str>| line.map_or_else(|| "(the end)".to_owned(), |line| visible(line));
    let _infallible = write!(message, "  - {}\n  + {}", shown(wanted.get(agreed)), shown(got.get(agreed)));
    message.push_str("\n  (- expected, + printed)");
    Err(message)
}

/// `line` with control characters, and blanks at its end, made visible.
fn visible(line: &str) -> String {
    let mut shown: String = line
        .chars()
        .map(|character| if character.is_control() { character.escape_default().to_string() } else { character.into() })
        .collect();
    if line.ends_with(' ') {
        shown.push('$');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_kept_among_others_and_is_what_was_kept() {
        let two = with(&with("", "b", "1\n\n2\n"), "a", "3\n");
        assert_eq!(two, "==== a\n3\n==== b\n1\n\n2\n");
        let other = with(&two, "a", "");
        assert_eq!(kept(&other).collect::<Vec<_>>(), [("a", ""), ("b", "1\n\n2\n")]);
        assert_eq!(kept("").count(), 0);
    }

    #[test]
    fn notes_are_not_compared() {
        assert_eq!(compare("one\n# at 0x1234\ntwo\n#\nDONE 1/1\n", "one\ntwo\nDONE 1/1\n"), Ok(()));
    }

    #[test]
    fn the_first_difference_is_shown_with_what_came_before() {
        let message = compare("a\nb\nc\nd\nx\ne\n", "a\nb\nc\nd\ny\ne\n").unwrap_err();
        assert!(message.starts_with("line 5 "), "{message}");
        assert!(message.contains("    b\n    c\n    d\n  - y\n  + x\n"), "{message}");
    }

    #[test]
    fn a_missing_and_a_surplus_line_are_differences() {
        assert!(compare("a\n", "a\nb\n").unwrap_err().contains("- b\n  + (the end)"));
        assert!(compare("a\nb\n", "a\n").unwrap_err().contains("- (the end)\n  + b"));
        assert!(compare("", "a\n").is_err());
    }

    #[test]
    fn an_empty_expectation_is_never_met() {
        assert!(compare("", "").is_err());
        assert!(compare("# note\n", "").is_err());
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        let message = compare("a \n", "a\u{7}\n").unwrap_err();
        assert!(message.contains("- a\\u{7}\n  + a $"), "{message}");
    }
}
