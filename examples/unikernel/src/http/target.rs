//! The target of a request: which page it asks for.

use super::request::PATH;
use super::response::Refusal;
use heapless::String;

/// Returns the path of `/path?query` or of `http://host/path?query`, which every server has to take.
///
/// Escapes of characters that need none are replaced by those: `/%6detrics` is `/metrics`. Others stay, so `%2f`
/// separates nothing.
pub(super) fn path(target: &[u8]) -> Result<String<PATH>, Refusal> {
    // A fragment is not sent, and other characters are sent as escapes.
    if !target.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Refusal::Malformed);
    }
    let path = match target.split_at_checked(b"http://".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"http://") => {
            let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
            let (host, path) = rest.split_at(end);
            if host.is_empty() || !is_host(host) {
                return Err(Refusal::Malformed);
            }
            path
        }
        _ if target.starts_with(b"/") => target,
        _ => return Err(Refusal::Malformed),
    };
    unescape(path.split(|&byte| byte == b'?').next().unwrap_or_default())
}

fn unescape(mut path: &[u8]) -> Result<String<PATH>, Refusal> {
    if path.is_empty() {
        path = b"/";
    }
    let mut text = String::new();
    while let [first, rest @ ..] = path {
        let (mut byte, mut left) = (*first, rest);
        if byte == b'%' {
            let [high, low, after @ ..] = rest else { return Err(Refusal::Malformed) };
            let escaped = hexadecimal(*high)? << 4 | hexadecimal(*low)?;
            if escaped.is_ascii_alphanumeric() || b"-._~".contains(&escaped) {
                (byte, left) = (escaped, after);
            }
        }
        text.push(char::from(byte)).map_err(|_| Refusal::LongPath)?;
        path = left;
    }
    Ok(text)
}

fn hexadecimal(digit: u8) -> Result<u8, Refusal> {
    char::from(digit).to_digit(16).map(|digit| digit as u8).ok_or(Refusal::Malformed)
}

/// Returns `true` if these may be bytes of a host and a port, without the name of a user.
pub(super) fn is_host(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}
