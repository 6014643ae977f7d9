//! Every function: what it answers, and what it refuses.

use super::*;

#[test]
fn every_function_answers_as_documented() {
    for (text, value) in [
        // Literals.
        ("TRUE", "true"),
        ("null", "null"),
        ("-1.50", "-1.5"),
        ("1.2.3", "\"1.2.3\""),
        ("'it''s'", "\"it's\""),
        // Logic.
        ("and(true, 'false', 1)", "true"),
        ("and(true, '', gt('a', null))", "false"),
        ("or(false, 0, '')", "false"),
        ("or('x', gt(null, 1))", "true"),
        ("not('')", "true"),
        ("not(parameters.empty)", "false"),
        ("xor(true, 'x')", "false"),
        ("xor(true, null)", "true"),
        ("iif(true, 'a', gt(null, 1))", "\"a\""),
        ("iif('', gt(null, 1), 2)", "2.0"),
        ("coalesce('', variables.none, 'x', gt(null, 1))", "\"x\""),
        ("coalesce('', null)", "null"),
        ("coalesce(false, 'x')", "false"),
        // Comparison.
        ("eq('ABC', 'abc')", "true"),
        ("eq(1234.5, variables.number)", "true"),
        ("eq(parameters.flag, 'anything')", "true"),
        ("eq('true', parameters.flag)", "true"),
        ("eq(5, 'five')", "false"),
        ("ne(5, 'five')", "true"),
        ("ne('a', 'A')", "false"),
        ("eq(parameters.list, parameters.list)", "true"),
        ("eq(parameters.list, parameters.numbers)", "false"),
        ("lt(1.9, variables.version)", "\"error\""),
        ("lt(1.9.0, variables.version)", "true"),
        ("eq(.5, '0.5')", "true"),
        ("eq('0.5', .5)", "true"),
        ("eq(1000, '1,000')", "true"),
        ("eq('1000', 1000)", "true"),
        ("eq('', variables.none)", "true"),
        ("eq(variables.none, '')", "true"),
        ("eq(0, variables.none)", "true"),
        ("gt(1.10, 1.9)", "false"),
        ("gt(1.10.0, 1.9.0)", "true"),
        ("lt(1.2.0, '1.3')", "true"),
        ("lt(1.2.0, 1.3)", "true"),
        ("eq(1.2.0, '1.2')", "false"),
        ("eq(1.2.0, 1.2)", "false"),
        ("eq(1.2.0, '1.2.0')", "true"),
        ("lt(1.2.3, 1.10.0)", "true"),
        ("eq(2.0.0, 2)", "false"),
        ("eq(1, 'x')", "false"),
        ("ne(1, 'x')", "true"),
        ("lt(1, 'x')", "\"error\""),
        ("eq(split('a', ','), split('a', ','))", "false"),
        ("lt(parameters.map, parameters.map)", "\"error\""),
        ("contains(parameters.list, 'B')", "\"error\""),
        ("ge(5, 5)", "true"),
        ("le(2, '1,000')", "true"),
        ("gt('b', 'A')", "true"),
        ("in('B', 'A', 'b')", "true"),
        ("in('B')", "false"),
        ("in('B', 'b', gt(null, 1))", "true"),
        ("notIn('D', 'A', 'B')", "true"),
        ("notIn('D', 'd')", "false"),
        // Text.
        ("contains('ABCDE', 'bcd')", "true"),
        ("contains('ABCDE', '')", "true"),
        (
            "startsWith(variables['build.sourcebranch'], 'REFS/')",
            "true",
        ),
        ("endsWith(123, 23)", "true"),
        ("lower('ÀB1')", "\"àb1\""),
        ("upper('straße')", "\"STRAßE\""),
        ("trim('\t a b ')", "\"a b\""),
        ("trim(null)", "\"\""),
        ("length('fabrikam')", "8.0"),
        ("length('a😀')", "3.0"),
        ("length(parameters.list)", "4.0"),
        ("length(null)", "0.0"),
        ("replace('a-b-c', '-', '')", "\"abc\""),
        ("replace('aAa', 'A', 'x')", "\"axa\""),
        ("replace('aaa', 'aa', 'b')", "\"ba\""),
        ("replace(1.5, '.', ',')", "\"1,5\""),
        ("replace('abc', '', '-')", "\"abc\""),
        ("split('a, b,c,, d', ', ')", r#"["a","b,c,","d"]"#),
        ("split('a,b;c', ',;')", r#"["a,b;c"]"#),
        ("split('a,', ',')", r#"["a",""]"#),
        ("split('', ',')", r#"[""]"#),
        ("split('ab', '')", r#"["ab"]"#),
        ("split('/s/x/y', '/')[2]", "\"x\""),
        ("join('; ', parameters.list)", "\"a; B; ; c\""),
        ("join(',', parameters.fruits)", "\",\""),
        ("join(',', parameters.numbers)", "\"1,2.5\""),
        ("join(',', parameters.empty)", "\"\""),
        ("join(',', true)", "\"True\""),
        ("format('none')", "\"none\""),
        ("format('{0} {1}-{0}', 'a', 2)", "\"a 2-a\""),
        ("format('{{{0}}}', true)", "\"{True}\""),
        ("format('{{ }}')", "\"{ }\""),
        ("format('{0}', null)", "\"\""),
        // Arrays and objects.
        ("containsValue(parameters.list, 'b')", "true"),
        ("containsValue(parameters.numbers, '2.5')", "true"),
        ("containsValue(parameters.numbers, 3)", "false"),
        ("containsValue(parameters.map, 'TEXT')", "true"),
        ("containsValue(variables, 'x')", "true"),
        ("containsValue('x', 'x')", "false"),
        ("convertToJson(null)", "\"null\""),
        ("convertToJson(parameters.nothing)", "\"{}\""),
        ("convertToJson(parameters.empty)", "\"[]\""),
        ("convertToJson('a\"')", r#""\"a\\\"\"""#),
        (
            "convertToJson(parameters.map)",
            r#""{\n  \"first\": {\n    \"name\": \"plum\",\n    \"colors\": [\n      \"blue\"\n    ]\n  },\n  \"second\": \"text\"\n}""#,
        ),
        (
            "convertToJson(parameters.numbers)",
            r#""[\n  1,\n  2.5\n]""#,
        ),
        // Members.
        ("parameters.LIST[1]", "\"B\""),
        ("parameters['list']['1']", "\"B\""),
        ("parameters.list[9]", "null"),
        ("parameters.list[1.9]", "\"B\""),
        ("parameters.list[-1]", "null"),
        ("parameters.list['x']", "null"),
        ("variables.a.deeper['more']", "null"),
        ("length(parameters.map)", "2.0"),
        ("parameters['my key']", "\"spaces\""),
        ("parameters.none.deeper[0]", "null"),
        ("variables[format('{0}', 'A')]", "\"x\""),
        ("parameters.fruits[1].colors[0]", "\"yellow\""),
        // Filters.
        ("parameters.fruits.*.name", r#"["apple","lemon"]"#),
        (
            "parameters.fruits[*].colors",
            r#"[["red","green"],["yellow"]]"#,
        ),
        (
            "parameters.fruits.*.colors.*",
            r#"["red","green","yellow"]"#,
        ),
        ("parameters.fruits.*.colors[1]", r#"["green"]"#),
        ("parameters.fruits.*.none", "[]"),
        ("parameters.map.*.name", r#"["plum"]"#),
        (
            "parameters.map.*",
            r#"[{"name":"plum","colors":["blue"]},"text"]"#,
        ),
        ("variables.a.*", "[]"),
        ("parameters.none.*", "[]"),
        ("join('+', parameters.fruits.*.name)", "\"apple+lemon\""),
        ("length(parameters.fruits.*.colors.*)", "3.0"),
    ] {
        if value == "\"error\"" {
            assert!(evaluated(text).is_err(), "{text}");
        } else {
            assert_eq!(shown(text), value, "{text}");
        }
    }
}

#[test]
fn dates_are_formatted() {
    let tree = parse("format('{0:yyyyMMdd}-{0:HH.mm}|{0}', pipeline.startTime)").unwrap();
    assert_eq!(
        evaluate(&tree, &contexts_at(Time::Runtime), &mut Budget::default()),
        Ok("20240229-15.45|2024-02-29 15:45:07+00:00".into())
    );
}

#[test]
fn what_cannot_be_evaluated_is_said_at_its_place() {
    for (text, start, message) in [
        (
            "or(false, gt(null, 1))",
            10,
            "`gt` cannot compare: its left side is Null, which has no order",
        ),
        (
            "lt(1, 'x')",
            0,
            "`lt` is unable to convert its right side from String to Number, which its left side is",
        ),
        (
            "ge(1.2.3, 1)",
            0,
            "`ge` is unable to convert its right side from Number to Version, which its left side is",
        ),
        (
            "le(parameters.list, 1)",
            0,
            "`le` cannot compare: its left side is Array, which has no order",
        ),
        (
            "contains(parameters.list, 'a')",
            0,
            "unable to convert from Array to String",
        ),
        (
            "format('{0}', parameters.map)",
            0,
            "unable to convert from Object to String",
        ),
        (
            "trim(lower(parameters.fruits))",
            5,
            "unable to convert from Array to String",
        ),
        (
            "join(parameters.list, parameters.list)",
            0,
            "unable to convert from Array to String",
        ),
        (
            "join(',', parameters.map)",
            0,
            "unable to convert from Object to String",
        ),
        (
            "format('{0} {1}', 1)",
            0,
            "`format` has 1 argument(s) beside its text, and the text asks for `{1}`",
        ),
        (
            "format('{99999999999999999999999}', 1)",
            0,
            "`{99999999999999999999999}` in the text of `format` is no number of an argument",
        ),
        (
            "format('{a}', 1)",
            0,
            "`{a}` in the text of `format` is no number of an argument",
        ),
        (
            "format('{+1}', 1, 2)",
            0,
            "`{+1}` in the text of `format` is no number of an argument",
        ),
        (
            "format('{0', 1)",
            0,
            "the text of `format` has a `{` without its partner",
        ),
        (
            "format('0}', 1)",
            0,
            "the text of `format` has a `}` without its partner",
        ),
        (
            "format('{0:yyyy}', 1)",
            0,
            "`{0:…}` in the text of `format` formats dates, and this argument is Number",
        ),
        (
            "eq(1.2.9999999999, 1)",
            3,
            "this version has a number that is too large",
        ),
    ] {
        let wrong = evaluated(text).expect_err(text);
        assert_eq!(
            (wrong.span.start, wrong.message.as_str()),
            (start, message),
            "{text}"
        );
        assert!(wrong.hint.is_some() || text.contains("9999"), "{text}");
        assert!(!wrong.exhausted);
    }
}

#[test]
fn arguments_are_counted() {
    for row in FUNCTIONS {
        for count in 0..5 {
            let text = format!("{}({})", row.name, vec!["'1'"; count].join(", "));
            let tree = parse(&text).unwrap();
            for time in [
                Time::Template,
                Time::Runtime,
                Time::Stage,
                Time::Job,
                Time::Step,
                Time::Query,
            ] {
                let offered = match row.home {
                    Home::Everywhere => true,
                    Home::Pipelines => time != Time::Query,
                    Home::Conditions => [Time::Stage, Time::Job, Time::Step].contains(&time),
                    Home::Variables => time == Time::Runtime,
                    Home::Queries => time == Time::Query,
                };
                let (least, most) = match (row.name, time) {
                    ("and" | "or", Time::Query) => (1, 9),
                    ("succeeded" | "failed" | "succeededOrFailed", Time::Step) => (0, 0),
                    _ => (row.least, row.most.unwrap_or(9)),
                };
                let fits = offered && (least..=most).contains(&count);
                assert_eq!(check(&tree, time, &[]).is_ok(), fits, "{text} {time:?}");
            }
        }
    }
}
