//! Numbers of runs: every token, variables, and what may not be.

use super::*;

/// 2019-05-05 21:07:03, the moment of the public documentation's example.
const AT: i64 = 1_557_090_423;

fn variable(name: &str) -> Option<String> {
    let known = [
        ("System.TeamProject", "Fabrikam"),
        ("Build.DefinitionName", "CIBuild"),
        ("Build.SourceBranchName", "main"),
        ("version", "1.$(minor)"),
        ("minor", "2"),
        ("counted", "3$(Rev:.r)"),
        ("loop", "a$(loop)"),
        ("branch", "feature/x"),
        ("Date", "no token"),
        ("long", LONG),
        ("blank", " "),
    ];
    let found = known.iter().find(|(known, _)| words::same(known, name));
    found.map(|(_, value)| (*value).to_owned())
}

const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

/// As the seventh run of its number, with the id 752.
fn seventh(format: &str) -> Result<String, NumberError> {
    let parts = number(format, Timestamp::new(AT, 0), variable)?;
    let write = |part: &NumberPart| match part {
        NumberPart::Text(text) => text.clone(),
        NumberPart::Id => "752".to_owned(),
        NumberPart::Revision(digits) => format!("{:0digits$}", 7),
    };
    Ok(parts.iter().map(write).collect())
}

#[test]
fn every_token_and_variable() {
    for (format, wanted) in [
        (
            "$(TeamProject)_$(Build.DefinitionName)_$(SourceBranchName)_$(Date:yyyyMMdd)$(Rev:.r)",
            "Fabrikam_CIBuild_main_20190505.7",
        ),
        ("$(Date:yyyyMMdd).$(Rev:r)", "20190505.7"),
        ("$(date:MMddyy)-$(REV:rrr)", "050519-007"),
        ("$(Date)$(Rev:-r-rc)", "20190505-7-rc"),
        ("$(Year:yyyy) $(Year:yy) $(Year)", "2019 19 2019"),
        ("$(Month) $(DayOfMonth) $(DayOfYear)", "5 5 125"),
        ("$(Hours) $(Minutes) $(Seconds)", "21 7 3"),
        ("$(Hours:HH)$(Minutes:mm)$(Seconds:s)", "21073"),
        (
            "$(BuildDefinitionName) $(BuildID) $(build.buildid)",
            "CIBuild 752 752",
        ),
        ("$(version).$(Rev:r)", "1.2.7"),
        ("$(counted)", "3.7"),
        ("$(loop)", "a$(loop)"),
        ("$(unknown) $(($( )", "$(unknown) $(($( )"),
        ("v1", "v1"),
        ("$(Rev:r)$(Rev:rr)", "707"),
        ("\u{fc}ber $(Rev:r)", "\u{fc}ber 7"),
    ] {
        assert_eq!(seventh(format).as_deref(), Ok(wanted), "{format}");
        assert_eq!(check(format), Ok(()), "{format}");
    }
}

#[test]
fn what_is_wrong_with_a_format_is_known_without_variables() {
    for (format, offset, message) in [
        (
            "a$(Rev)",
            1,
            "`$(Rev)` does not say where the revision goes",
        ),
        (
            "$(Rev:x)",
            0,
            "`$(Rev:x)` does not say where the revision goes",
        ),
        (
            "$(Rev:rrrrrrrrrrr)",
            0,
            "`$(Rev:rrrrrrrrrrr)` does not say where the revision goes",
        ),
        (
            "$(Date:yyyyyy)",
            0,
            "`$(Date:yyyyyy)`: `yyyyyy` is no part of a date format",
        ),
        ("$(TeamProject:x)", 0, "`TeamProject` has no format"),
        ("$(DayOfYear:d)", 0, "`DayOfYear` has no format"),
        ("a/b", 1, "a run number may not hold `/`"),
        ("$(x)\t", 4, "a run number may not hold a control character"),
        ("$(nothing:x)", 9, "a run number may not hold `:`"),
        ("$(Date:HH:mm)", 0, "a run number may not hold `:`"),
        ("v$(Rev:/r)", 1, "a run number may not hold `/`"),
        ("$(Rev:r.)", 0, "a run number may not end with `.`"),
        ("1.", 0, "a run number may not end with `.`"),
        (" ", 0, "the run number is empty"),
    ] {
        let wrong = check(format).unwrap_err();
        assert_eq!(
            (wrong.offset, wrong.message.as_str()),
            (offset, message),
            "{format}"
        );
        assert!(!wrong.hint.is_empty());
        assert!(seventh(format).is_err(), "{format}");
    }
}

#[test]
fn what_variables_make_of_it_is_checked_too() {
    for (format, message) in [
        (
            "$(branch)",
            "a run number may not hold `/`, and its part `feature/x` does",
        ),
        (
            "$(version).$(nothing).",
            "a run number may not end with `.`",
        ),
        ("$(blank)", "the run number is empty"),
        (
            "$(long)$(long)$(long)",
            "a run number has at most 255 characters, and this one has 300",
        ),
    ] {
        assert_eq!(seventh(format).unwrap_err().message, message, "{format}");
    }
    assert!(seventh(&format!("$(long)$(long){}", "x".repeat(55))).is_ok());
    assert!(seventh(&format!("$(long)$(long){}", "x".repeat(56))).is_err());
}

#[test]
fn a_predefined_variable_that_is_not_known_stays() {
    let parts = number("$(SourceBranchName)!", Timestamp::new(AT, 0), |_| None).unwrap();
    assert_eq!(parts, [NumberPart::Text("$(SourceBranchName)!".to_owned())]);
}

#[test]
fn variables_of_a_format_are_found_with_their_places() {
    assert_eq!(
        variables("$(a)$(Rev:r)-$(b.c)$(Date:yy)$("),
        [(0, "a"), (13, "b.c")]
    );
}
