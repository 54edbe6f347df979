//! Elementary functions without branches, so that loops over them vectorise; the same bits on every target.
//!
//! Each is a handful of IEEE operations in a fixed order. Errors are stated in units in the last place of the result.
//! Polynomials: S. Moshier, Cephes mathematical library, `expf.c` and `tanhf.c`.

use core::f32::consts::LOG2_E;

/// `e^x`, within 2 units; subnormal results included.
#[inline]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result is infinite or rounds to 0. A comparison keeps NaN, which min and max would drop.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let shifted = x * LOG2_E + MAGIC;
    let n = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed();
    let whole = shifted - MAGIC;
    // ln 2 in two parts, the first of so few bits that its product is exact.
    let r = (x - whole * 0.693_359_4) - whole * -2.121_944_4e-4;
    let p = [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    let y = p.iter().fold(1.987_569_1e-4, |y, c| y * r + c) * (r * r) + r + 1.0;
    // 2^n in two steps: n itself may lie beyond the exponents that a float has.
    let half = n >> 1;
    y * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `2^n` for a normal result.
#[inline]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(n.wrapping_add(127).cast_unsigned().wrapping_shl(23))
}

/// `1 / (1 + e^-x)`, within 3 units; what would be subnormal may be 0.
#[inline]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within 3 units.
#[inline]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = [2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328e-1];
    let near = x + x * z * p.iter().fold(-5.704_988_7e-3, |y, c| y * z + c);
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { near } else { far }
}

/// `e^x - 1`, within 5 units for negative `x` and 5e-7 of the result beyond (W. Kahan's way).
#[inline]
#[must_use]
pub fn expm1(x: f32) -> f32 {
    let u = exp(x);
    let less = u - 1.0;
    if u == 1.0 {
        x
    } else if less == -1.0 || x > 1.0 {
        less
    } else {
        less * (x / libm::logf(u))
    }
}

/// `ln (1 + x)`, within 3 units (W. Kahan's way).
#[inline]
#[must_use]
pub fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    if u == 1.0 || u == f32::INFINITY { x } else { libm::logf(u) * (x / (u - 1.0)) }
}

/// The logarithm to base 10, within 2 units.
#[inline]
#[must_use]
pub fn log10(x: f32) -> f32 {
    libm::logf(x) * core::f32::consts::LOG10_E
}

/// `x^p` for `x` from 0 on: `e^(p ln x)`, within 1e-6 of the result for each ten that `p ln x` has.
#[inline]
#[must_use]
pub fn pow(x: f32, p: f32) -> f32 {
    exp(p * libm::logf(x))
}

/// The error function, within 3 units. Polynomials: N. Juffa, `erff`, 2017.
#[inline]
#[must_use]
pub fn erf(x: f32) -> f32 {
    let (t, s) = (x.abs(), x * x);
    let p = [4.991_194_2e-3, -2.676_813_5e-2, 1.128_199_25e-1, -3.761_253_4e-1, 1.283_791_7e-1];
    let near = x + x * p.iter().fold(-5.967_617e-4, |y, c| y * s + c);
    // ln(1 - erf t) + t, over t.
    let high = (-1.728_534_7e-5 * t + 3.831_97e-4) * s + (-3.883_964_4e-3 * t + 2.425_462_2e-2);
    let r = [-1.067_778_8e-1, -6.348_467e-1, -1.287_175_1e-1].iter().fold(high, |y, c| y * t + c);
    let far = (1.0 - exp(r * t - t)).copysign(x);
    if t > 0.921_875 { far } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `f` with floats all over, dense around 0 and the bounds.
    fn everywhere(mut f: impl FnMut(f32)) {
        (0..=u32::MAX).step_by(65_521).map(f32::from_bits).for_each(&mut f);
        (-1_100_000..1_100_000).for_each(|i| f(i as f32 * 1e-4));
    }

    fn check(name: &str, got: fn(f32) -> f32, want: fn(f64) -> f64, units: f64, tiny: f64) {
        everywhere(|x| {
            let (g, w) = (got(x), want(x.into()));
            let narrow = w as f32;
            let unit = f64::from(f32::from_bits(narrow.abs().max(f32::MIN_POSITIVE).to_bits() + 1))
                - f64::from(narrow.abs().max(f32::MIN_POSITIVE));
            let same = g == narrow || (g.is_nan() && narrow.is_nan());
            let near = (f64::from(g) - w).abs() <= units * unit + tiny;
            assert!(
                same || near || (g.is_infinite() && w > f64::from(f32::MAX) * (1.0 - 1e-7)),
                "{name}({x}) = {g}, not {w}"
            );
        });
    }

    #[test]
    fn within_the_stated_errors() {
        check("exp", exp, libm::exp, 2.0, 0.0);
        check("sigmoid", sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), 3.0, f32::MIN_POSITIVE.into());
        check("tanh", tanh, libm::tanh, 3.0, 0.0);
        check("expm1", expm1, libm::expm1, 5.0, 0.0);
        check("log1p", log1p, libm::log1p, 3.0, 0.0);
        check("pow", |x| pow(x.abs(), 0.75), |x| libm::pow(x.abs(), 0.75), 120.0, f64::from(f32::MIN_POSITIVE));
        check("erf", erf, libm::erf, 3.0, 0.0);
    }

    #[test]
    fn bounds_and_what_is_no_number() {
        assert_eq!([exp(0.0), exp(f32::NEG_INFINITY), exp(f32::INFINITY)], [1.0, 0.0, f32::INFINITY]);
        assert_eq!([sigmoid(0.0), sigmoid(-200.0), sigmoid(200.0)], [0.5, 0.0, 1.0]);
        assert_eq!([tanh(0.0), tanh(-50.0), tanh(f32::INFINITY)], [0.0, -1.0, 1.0]);
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
    }
}
