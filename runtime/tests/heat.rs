//! Explanations are the same bytes on every target: native here, AArch64 and WebAssembly in `cargo xtask ci`.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin::explain::{Baseline, Grid, LastLayer, Masked};
use siskin::{Model, Native, Scores, Session, op};

const DIGITS: &[u8] = include_bytes!("../../tests/golden/digits-1.0.siskin");
const CLASSES: u16 = 10;

/// What every target has to find: FNV-1a of all maps and contributions, little-endian. New kernels must not change it.
const EXPECTED: u64 = 0x108f_4f56_8062_4f63;

/// Bytes that begin where the runtime wants them.
struct Aligned(Vec<u128>, usize);

impl Aligned {
    fn zeroed(len: usize) -> Aligned {
        Aligned(vec![0; len.div_ceil(size_of::<u128>())], len)
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.0)[..self.1]
    }
}

/// Strokes of ink from 0 to 16 that differ for each `n`, computed in integers so that no target rounds them.
fn picture(n: usize) -> Vec<f32> {
    let ink = |i: usize| ((i / 8 + n) * (i % 8 + 2 * n + 1) * 37 % 23).min(16) as u8;
    (0..64).map(|i| f32::from(ink(i))).collect()
}

fn digest(values: &[f32], start: u64) -> u64 {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes());
    bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn maps_and_contributions_are_the_same_bytes_everywhere() {
    let mut file = Aligned::zeroed(DIGITS.len());
    file.bytes().copy_from_slice(DIGITS);
    let ops = op::all::<Native>();
    let model = Model::parse(file.bytes(), &ops).unwrap();
    let (mut arena, mut state) = (Aligned::zeroed(model.arena_len()), Aligned::zeroed(model.state_len()));
    let mut session = Session::new(&model, arena.bytes(), state.bytes()).unwrap();
    let (scores, layer) = (Scores::of(&model).unwrap(), LastLayer::of(&model).unwrap());
    let grid = Grid::new(model.inputs().next().unwrap().shape.dims(), 65).unwrap();
    let (mut heat, mut parts) = (vec![0.0; grid.regions()], vec![0.0; layer.inputs()]);
    let (mut found, mut hot) = (0xcbf2_9ce4_8422_2325, 0);
    for class in 0..CLASSES {
        let input = picture(class.into());
        let masked = Masked { input: &input, baseline: Baseline::Value(0.0), grid };
        let whole = masked.occlusion(&mut session, &scores, class, &mut heat, || ()).unwrap();
        session.write_f32(0, &input).unwrap();
        let sum = layer.contributions(&mut session, class, &mut parts).unwrap();
        hot += heat.iter().filter(|&&lost| lost != 0.0).count();
        found = digest(&heat, digest(&[whole, sum.bias as f32, sum.unit as f32], found));
        found = digest(&parts, found);
    }
    assert_eq!(grid.regions(), 64);
    assert!(hot > 320, "only {hot} of 640 regions matter: the maps tell nothing");
    assert_eq!(found, EXPECTED, "{found:#018x}");
}
