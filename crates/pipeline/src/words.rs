//! Words of the YAML: booleans, names, and the nearest known word to a misspelt one.

/// Longest name of a stage, job or step.
pub(crate) const MAX_NAME: usize = 100;

/// Most bytes of names that a suggestion lists.
const MAX_SHOWN: usize = 1000;

/// Most names that a misspelt one is compared with.
const MAX_COMPARED: usize = 200;

/// Compares two names the way Azure Pipelines does: ignoring case.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && fold(a) == fold(b))
}

/// The form under which names that ignore case are kept in sets.
pub(crate) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// `true`, `y`, `yes`, `on`, `false`, `n`, `no`, `off` in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a stage, job or step may be called so.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME
        && bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A task name reduced to what a step may be called.
pub(crate) fn reduced(task: &str) -> String {
    let mut name: String = task
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(MAX_NAME - 6)
        .collect();
    if !is_name(&name) {
        name.insert(0, '_');
    }
    name
}

/// The known word a person probably meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_NAME {
        return None;
    }
    let word = fold(word);
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let known: Vec<&str> = known.into_iter().take(MAX_COMPARED).collect();
    if word.chars().count() >= 4
        && let Some(longer) = known
            .iter()
            .find(|candidate| fold(candidate).starts_with(&word))
    {
        return Some(longer);
    }
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_NAME)
        .map(|candidate| (strsim::osa_distance(&word, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`, or what may stand here: as much of it as somebody reads.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let mut length = 0;
    let shown = known.iter().take_while(|name| {
        length += name.len();
        length <= MAX_SHOWN
    });
    let shown: Vec<&str> = shown.copied().collect();
    let more = if shown.len() < known.len() {
        " …"
    } else {
        ""
    };
    format!("known here: {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let keys = ["steps", "displayName", "continueOnError", "env", "pr"];
        assert_eq!(nearest("step", keys), Some("steps"));
        assert_eq!(nearest("displayname", keys), Some("displayName"));
        assert_eq!(nearest("continueOnErorr", keys), Some("continueOnError"));
        assert_eq!(nearest("envs", keys), Some("env"));
        assert_eq!(nearest("display", keys), Some("displayName"));
        assert_eq!(nearest("zzzz", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), keys), None);
    }

    #[test]
    fn reduced_task_names_are_names() {
        assert_eq!(reduced("DownloadSecureFile"), "DownloadSecureFile");
        assert_eq!(reduced("my-task.v2"), "mytaskv2");
        for odd in ["", "7zip", "ключ", &"x".repeat(500)] {
            assert!(is_name(&reduced(odd)), "{odd:?}");
        }
    }
}
