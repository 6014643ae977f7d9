//! The bar that shows how far an upload is, on a terminal only.

use super::escaped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for one upload; hidden where standard error is no terminal. Its end clears it.
pub(crate) fn upload_bar(name: &str, size: Option<u64>) -> ProgressBar {
    // `stderr` draws nothing unless it is a terminal.
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = match size {
        Some(_) => "{msg} [{bar:30}] {bytes}/{total_bytes}",
        None => "{msg} {spinner} {bytes}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(escaped(name).into_owned());
    bar
}
