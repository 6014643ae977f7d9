//! The promise of `held`, kept for the seeds of the fuzzer, which calls the same function. It must not promise anything itself.

mod held;

#[test]
fn opening_holds_for_its_seeds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/open");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).expect("seeds") {
        let path = entry.expect("an entry").path();
        println!("seed {}", path.display());
        held::open(&std::fs::read(&path).expect("a seed"));
        played += 1;
    }
    assert!(played > 0, "there are no seeds");
}
