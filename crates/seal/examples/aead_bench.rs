//! Compares AEAD back ends: CPU time to seal 10 MiB as AES-256-GCM segments of 64 KiB, and what surrounds it.
//!
//! `cargo run --release -p coffer-seal --example aead_bench`. The result and the choice are in
//! `docs/adr/0002-aead-back-end.md`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its result")]

use std::hint::black_box;
use std::time::Duration;

use coffer_seal::{
    Digest, FileKey, Opener, ProjectKey, ProjectKeyContext, ProjectKeySecret, SEGMENT,
    SealedContext, Sealer, os_entropy,
};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;
use zeroize::Zeroizing;

const ROUNDS: usize = 60;
const SIZE: usize = 10 << 20;

fn main() {
    let plain = vec![0x5a_u8; SIZE];
    let aws = {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes"));
        move |buffer: &mut [u8]| {
            for (counter, segment) in buffer.chunks_mut(SEGMENT).enumerate() {
                let nonce = Nonce::assume_unique_for_key(nonce(counter));
                black_box(
                    key.seal_in_place_separate_tag(nonce, Aad::empty(), segment)
                        .is_ok(),
                );
            }
        }
    };
    let ring = {
        use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes"));
        move |buffer: &mut [u8]| {
            for (counter, segment) in buffer.chunks_mut(SEGMENT).enumerate() {
                let nonce = Nonce::assume_unique_for_key(nonce(counter));
                black_box(
                    key.seal_in_place_separate_tag(nonce, Aad::empty(), segment)
                        .is_ok(),
                );
            }
        }
    };
    let mut buffer = plain.clone();
    let (mut of_aws, mut of_ring) = (Vec::new(), Vec::new());
    // In turns, so that a busy machine disturbs both alike.
    for _ in 0..ROUNDS {
        of_aws.push(cpu_time(|| aws(&mut buffer)));
        of_ring.push(cpu_time(|| ring(&mut buffer)));
    }
    report("AES-256-GCM segments, aws-lc-rs", of_aws);
    report("AES-256-GCM segments, ring", of_ring);

    report(
        "SHA-256, aws-lc-rs",
        (0..ROUNDS)
            .map(|_| {
                cpu_time(|| {
                    black_box(Digest::of(&plain));
                })
            })
            .collect(),
    );
    let context = SealedContext {
        organization: Uuid::nil(),
        project: Uuid::nil(),
        file: Uuid::nil(),
    };
    let key = FileKey::generate(&os_entropy);
    let seal = |sealed: &mut Vec<u8>| {
        sealed.clear();
        let mut sealer = Sealer::new(&key, context, &os_entropy);
        for piece in plain.chunks(16_384) {
            sealer.push(piece, sealed);
        }
        sealer.finish(sealed).contents()
    };
    let mut sealed = Vec::with_capacity(SIZE + (1 << 20));
    let contents = seal(&mut sealed);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut again = Vec::with_capacity(SIZE + (1 << 20));
        times.push(cpu_time(|| {
            black_box(seal(&mut again));
        }));
    }
    report("Sealer: segments and both SHA-256", times);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut out = Zeroizing::new(Vec::with_capacity(2 * SEGMENT));
        times.push(cpu_time(|| {
            let mut opener = Opener::new(&key, context);
            for piece in sealed.chunks(16_384) {
                opener.push(piece, &mut out).expect("genuine");
                out.clear();
            }
            opener.finish(&mut out, &contents).expect("genuine");
        }));
    }
    report("Opener: segments and SHA-256", times);
    wraps();
}

/// What a wrap of a file key costs, and how much of it is that the cipher is built for each.
fn wraps() {
    use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
    const TIMES: u32 = 20_000;
    let secret = ProjectKeySecret::generate(&os_entropy);
    let context = ProjectKeyContext {
        scale_unit: "unit-1".into(),
        organization: Uuid::nil(),
        project: Uuid::nil(),
        version: 1,
    };
    let (project, _) = ProjectKey::create(&secret, context);
    let expected = SealedContext {
        organization: Uuid::nil(),
        project: Uuid::nil(),
        file: Uuid::nil(),
    };
    let key = FileKey::generate(&os_entropy);
    let mut sealed = Vec::new();
    let summary = Sealer::new(&key, expected, &os_entropy).finish(&mut sealed);
    let wrap = project.wrap_file_key(&key, &summary, &os_entropy);
    let each = |name: &str, act: &dyn Fn()| {
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let spent = cpu_time(|| (0..TIMES / ROUNDS as u32).for_each(|_| act()));
                spent.as_secs_f64() * 1e9 / f64::from(TIMES / ROUNDS as u32)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name:<36} {:6.0} ns", times[times.len() / 2]);
    };
    each("wrap of a file key", &|| {
        black_box(project.wrap_file_key(&key, &summary, &os_entropy));
    });
    each("unwrap of a file key", &|| {
        black_box(
            project
                .unwrap_file_key(&wrap, &summary.preamble, expected)
                .is_ok(),
        );
    });
    each("rewrap of a file key", &|| {
        black_box(
            project
                .rewrap_file_key(&wrap, &summary.preamble, expected, &project, &os_entropy)
                .is_ok(),
        );
    });
    each("  of which building a cipher, once", &|| {
        black_box(UnboundKey::new(&AES_256_GCM, &[7; 32]).map(LessSafeKey::new)).expect("32 bytes");
    });
}

fn nonce(counter: usize) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(counter as u64).to_be_bytes());
    nonce
}

fn cpu_time(act: impl FnOnce()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let before = now();
    act();
    now().saturating_sub(before)
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let median = milliseconds(times[times.len() / 2]);
    let (least, most) = (milliseconds(times[0]), milliseconds(times[times.len() - 1]));
    let rate = SIZE as f64 / 1e6 / median;
    println!("{name:<36} {median:6.2} ms (least {least:.2}, most {most:.2}), {rate:.2} GB/s");
}
