//! Pages as Chromium shows them. Cases that take it are usual where it is installed, and install it if they are asked
//! for elsewhere.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use qemu_tests::limit::Limit;
use qemu_tests::process::{self, Status};
use qemu_tests::tools::{self, Needs};

/// Names under which Chromium is installed. The first one is that of Debian's package.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "headless_shell"];
/// The limit of a browser.
const LIMIT: Limit = Limit::of_silence(Duration::from_secs(120));

fn installed() -> Option<&'static str> {
    NAMES.into_iter().find(|name| tools::on_path(name).is_some())
}

pub(crate) fn is_installed() -> bool {
    installed().is_some()
}

/// Adds the browser to what a case needs.
pub(crate) fn needed(needs: &mut Needs) {
    needs.program(installed().unwrap_or(NAMES[0]), NAMES[0]);
}

/// A browser that opens `address`, with a profile in `folder`.
pub(crate) fn opens(address: &str, folder: &Path) -> Command {
    let mut command = Command::new(installed().unwrap_or(NAMES[0]));
    // Without its sandbox, which root has not; the pages are ours.
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(address);
    command
}

/// The elements of the page at `address`, when it is laid out and its scripts have run.
pub(crate) fn elements(address: &str, folder: &Path) -> Result<String, String> {
    let mut command = opens(address, folder);
    command.arg("--dump-dom");
    let ended = process::run(command, LIMIT, |_| Ok(())).map_err(|error| error.to_string())?;
    let elements = String::from_utf8_lossy(&ended.output).into_owned();
    match ended.status {
        Status::Exited(0) => Ok(elements),
        status => {
            let errors = String::from_utf8_lossy(&ended.errors);
            Err(format!("the browser shows no {address}: {status:?}\n{elements}\n{errors}"))
        }
    }
}
