//! Text in a page: what would be read as a part of the page is escaped.

use core::fmt::{self, Write};

/// Characters, and what stands for each.
pub type Escapes = &'static [(char, &'static str)];

/// For HTML between tags.
pub const HTML: Escapes = &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")];
/// For the value of a label in Prometheus' format.
pub const LABEL: Escapes = &[('\\', r"\\"), ('"', r#"\""#), ('\n', r"\n")];

/// Writes text with escapes.
///
/// ```
/// use core::fmt::Write;
/// use unikernel::escape::{Escaped, HTML, LABEL};
/// let mut page = String::new();
/// write!(Escaped { out: &mut page, escapes: HTML }, "{}", "<b> & c").unwrap();
/// write!(Escaped { out: &mut page, escapes: LABEL }, "{}", "\\ \"\n").unwrap();
/// assert_eq!(page, r#"&lt;b&gt; &amp; c\\ \"\n"#);
/// ```
pub struct Escaped<'a> {
    /// Where the text goes.
    pub out: &'a mut dyn Write,
    /// What is escaped.
    pub escapes: Escapes,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let escapes = self.escapes;
        let escape = |c: char| escapes.iter().find(|(of, _)| *of == c);
        while let Some(at) = text.find(|c| escape(c).is_some()) {
            let (before, after) = text.split_at(at);
            let mut rest = after.chars();
            self.out.write_str(before)?;
            let (_, instead) = rest.next().and_then(escape).expect("it was found there");
            self.out.write_str(instead)?;
            text = rest.as_str();
        }
        self.out.write_str(text)
    }
}
