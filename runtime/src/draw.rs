//! The inputs of golden vectors, drawn as FORMAT.md says.

use crate::DType;
use siskin_format::Prng;

/// Fills one input: 8-bit integers over all values, other types over `lo..=hi`.
///
/// One loop for every type, not one each: a dozen loops of conversions would be a tenth of a small firmware.
pub(crate) fn fill(bytes: &mut [u8], dtype: DType, lo: f32, hi: f32, prng: &mut Prng) {
    for element in bytes.chunks_mut((dtype.size() as usize).max(1)) {
        let bits = random(dtype, lo, hi, prng);
        for (byte, bits) in element.iter_mut().zip(bits.to_le_bytes()) {
            *byte = bits;
        }
    }
}

/// One value's bits, in the low bytes.
fn random(dtype: DType, lo: f32, hi: f32, prng: &mut Prng) -> u64 {
    match dtype {
        DType::I8 | DType::U8 => return prng.next_u8().into(),
        DType::Bool => return (prng.next_u8() & 1).into(),
        _ => {}
    }
    let unit = prng.next_unit();
    let real = lo + unit * (hi - lo);
    let whole = libm::floorf(lo + unit * (hi - lo + 1.0));
    let clamped = |min: i64, max: i64| (whole as i64).clamp(min, max).cast_unsigned();
    match dtype {
        DType::F32 => real.to_bits().into(),
        DType::F64 => f64::from(real).to_bits(),
        DType::F16 => half::f16::from_f32(real).to_bits().into(),
        DType::I16 => clamped(i16::MIN.into(), i16::MAX.into()),
        DType::U16 => clamped(0, u16::MAX.into()),
        DType::I32 => clamped(i32::MIN.into(), i32::MAX.into()),
        DType::U32 => clamped(0, u32::MAX.into()),
        DType::I64 => clamped(i64::MIN, i64::MAX),
        DType::U64 => whole as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn<const LEN: usize>(dtype: DType, lo: f32, hi: f32) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        fill(&mut bytes, dtype, lo, hi, &mut Prng::new(7));
        bytes
    }

    #[test]
    fn bytes_and_bools_are_the_low_bits() {
        let mut prng = Prng::new(7);
        let low: [u8; 5] = core::array::from_fn(|_| prng.next_u8());
        assert_eq!(drawn(DType::I8, 0.0, 0.0), low);
        assert_eq!(drawn(DType::U8, 0.0, 0.0), low);
        assert_eq!(drawn(DType::Bool, 0.0, 0.0), low.map(|byte| byte & 1));
    }

    #[test]
    fn other_types_take_24_bits_of_a_unit() {
        let (lo, hi) = (-300.0f32, 70_000.0f32);
        let mut prng = Prng::new(7);
        let units: [f32; 2] = core::array::from_fn(|_| prng.next_unit());
        let [real, second] = units.map(|u| lo + u * (hi - lo));
        let [whole, _] = units.map(|u| libm::floorf(lo + u * (hi - lo + 1.0)));
        assert_eq!(drawn::<8>(DType::F32, lo, hi), [real.to_le_bytes(), second.to_le_bytes()].as_flattened());
        assert_eq!(drawn(DType::F64, lo, hi), f64::from(real).to_le_bytes());
        assert_eq!(drawn(DType::F16, lo, hi), half::f16::from_f32(real).to_le_bytes());
        assert_eq!(drawn(DType::I16, lo, hi), (whole as i16).to_le_bytes());
        assert_eq!(drawn(DType::U16, lo, hi), (whole as u16).to_le_bytes());
        assert_eq!(drawn(DType::I32, lo, hi), (whole as i32).to_le_bytes());
        assert_eq!(drawn(DType::U32, lo, hi), (whole as u32).to_le_bytes());
        assert_eq!(drawn(DType::I64, lo, hi), (whole as i64).to_le_bytes());
        assert_eq!(drawn(DType::U64, lo, hi), (whole as u64).to_le_bytes());
    }

    #[test]
    fn integers_saturate() {
        for lo in [-1e30, 1e30] {
            assert_eq!(drawn(DType::I16, lo, lo), (lo as i16).to_le_bytes());
            assert_eq!(drawn(DType::U32, lo, lo), (lo as u32).to_le_bytes());
            assert_eq!(drawn(DType::U64, lo, lo), (lo as u64).to_le_bytes());
        }
    }
}
