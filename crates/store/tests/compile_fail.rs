//! What must not compile outside the store: going around the gate. One file for each stage of the compiler that
//! refuses, since a later stage does not run when an earlier one has found errors.

#[test]
fn the_gate_cannot_be_gone_around() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
