//! Elementary functions in double precision, small rather than fast: for operators that models seldom use.
//!
//! Four series serve them all, summed from their last term inwards, so that no table of coefficients is linked. The
//! same bits on every target. Errors are below 1e-14 of the result, unless stated.

use core::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, FRAC_PI_4, LN_2, LOG2_E, PI, SQRT_2};

/// ln 2 without its last bits: what a whole number times it loses is nothing.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `Σ x^k / k!` from `k` = 1 on, for small `x`.
fn exp_series(x: f64) -> f64 {
    x * (2..16).rev().fold(1.0, |sum, k| 1.0 + sum * (x / f64::from(k)))
}

/// `s · Σ z^k / (2k + 1)`: with `z` = `s²` the inverse of the hyperbolic tangent, with `-s²` that of the tangent.
fn odd_series(s: f64, z: f64) -> f64 {
    s * (0..14).rev().fold(0.0, |sum, k| sum * z + 1.0 / f64::from(2 * k + 1))
}

/// `e^x`.
#[must_use]
#[inline(never)]
pub fn exp(x: f64) -> f64 {
    // Beyond these the result is infinite or 0. Comparisons keep NaN.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let n = rounded(x * LOG2_E);
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // 2^n in two steps: n itself may lie beyond the exponents that a double has.
    let half = (n as i64) >> 1;
    (1.0 + exp_series(r)) * power_of_two(half) * power_of_two((n as i64).wrapping_sub(half))
}

/// `2^n` for a normal result.
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(n.wrapping_add(1023).cast_unsigned().wrapping_shl(52))
}

/// The nearest whole number, of magnitudes below 2^51.
fn rounded(x: f64) -> f64 {
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    (x + MAGIC) - MAGIC
}

/// `e^x - 1`.
#[must_use]
#[inline(never)]
pub fn expm1(x: f64) -> f64 {
    if x.abs() < 0.5 { exp_series(x) } else { exp(x) - 1.0 }
}

/// The natural logarithm.
#[must_use]
#[inline(never)]
pub fn log(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    if x == f64::INFINITY {
        return x;
    }
    let (x, below) = if x < f64::MIN_POSITIVE { (x * power_of_two(54), 54.0) } else { (x, 0.0) };
    let mut exponent = f64::from((x.to_bits() >> 52) as i32) - 1023.0 - below;
    let mut m = f64::from_bits(x.to_bits() & (u64::MAX >> 12) | 1.0f64.to_bits());
    if m > SQRT_2 {
        (m, exponent) = (m * 0.5, exponent + 1.0);
    }
    let s = (m - 1.0) / (m + 1.0);
    exponent * LN_2_HIGH + (2.0 * odd_series(s, s * s) + exponent * LN_2_LOW)
}

/// `ln (1 + x)`.
#[must_use]
#[inline(never)]
pub fn log1p(x: f64) -> f64 {
    let u = 1.0 + x;
    // What `u` lost of `x` is made up for (W. Kahan).
    if u == 1.0 || u == f64::INFINITY { x } else { log(u) * (x / (u - 1.0)) }
}

/// `x` to the power `y`, within 1e-13: exact where `y` is whole, below 65, and the result is a whole number below 2^53.
#[must_use]
#[inline(never)]
pub fn pow(x: f64, y: f64) -> f64 {
    let whole = y == libm::floor(y) && y.is_finite();
    if whole && y.abs() < 65.0 {
        let (mut product, mut square, mut n) = (1.0, x, y.abs() as u32);
        while n > 0 {
            if n & 1 == 1 {
                product *= square;
            }
            square *= square;
            n >>= 1;
        }
        return if y < 0.0 { 1.0 / product } else { product };
    }
    if x == 1.0 || (x == -1.0 && y.is_infinite()) {
        return 1.0;
    }
    if x < 0.0 && !whole && x.is_finite() && y.is_finite() {
        return f64::NAN;
    }
    let size = exp(y * log(x.abs()));
    if whole && remainder(y, 2.0) != 0.0 { size.copysign(x) } else { size }
}

/// The remainder of `a / b`, with the sign of `a`; exact.
#[must_use]
#[inline(never)]
pub fn remainder(a: f64, b: f64) -> f64 {
    let (mut rest, divisor) = (a.abs(), b.abs());
    if !rest.is_finite() || divisor.is_nan() || divisor == 0.0 {
        return f64::NAN;
    }
    let mut multiple = divisor;
    while multiple <= rest * 0.5 {
        multiple += multiple;
    }
    // As in a division by hand, in base 2: no step rounds.
    while multiple >= divisor {
        if rest >= multiple {
            rest -= multiple;
        }
        if multiple == f64::INFINITY {
            break;
        }
        multiple *= 0.5;
    }
    rest.copysign(a)
}

/// The sine of `x + quarters · π/2`, radians: the error is 1e-16 of `x` beyond a million.
#[inline(never)]
fn sine(x: f64, quarters: i64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let x = if x.abs() > 1e6 { remainder(x, 2.0 * PI) } else { x };
    let n = rounded(x / FRAC_PI_2);
    // π/2 in three parts, the first two of so few bits that their products are exact.
    let r = ((x - n * 1.570_796_326_734_125_6) - n * 6.077_100_506_303_966e-11) - n * 2.022_266_248_795_950_6e-21;
    let quarter = (n as i64).wrapping_add(quarters);
    // `Σ (-r²)^k / (2k + 1)!` or, for the cosine, `/ (2k)!`.
    let first = quarter & 1;
    let sum = (1..10).rev().fold(1.0, |sum, k| {
        let k = f64::from(2 * k) - first as f64;
        1.0 - sum * (r * r / (k * (k + 1.0)))
    });
    let value = if first == 0 { r * sum } else { sum };
    if quarter & 2 == 0 { value } else { -value }
}

/// The sine of `x` radians. Beyond a million the error grows to 1e-16 of `x`.
#[must_use]
pub fn sin(x: f64) -> f64 {
    sine(x, 0)
}

/// The cosine of `x` radians; errors as those of [`sin`].
#[must_use]
pub fn cos(x: f64) -> f64 {
    sine(x, 1)
}

/// The tangent of `x` radians; errors as those of [`sin`].
#[must_use]
pub fn tan(x: f64) -> f64 {
    sin(x) / cos(x)
}

/// The inverse of the tangent.
#[must_use]
#[inline(never)]
pub fn atan(x: f64) -> f64 {
    let size = x.abs();
    let (from, s) = if size > 2.5 {
        (FRAC_PI_2, -1.0 / size)
    } else if size > 0.4 {
        (FRAC_PI_4, (size - 1.0) / (size + 1.0))
    } else {
        (0.0, size)
    };
    // The angle is halved: the series needs few terms below 0.22.
    let half = s / (1.0 + libm::sqrt(1.0 + s * s));
    (from + 2.0 * odd_series(half, -half * half)).copysign(x)
}

/// The inverse of the sine.
#[must_use]
pub fn asin(x: f64) -> f64 {
    atan(x / libm::sqrt((1.0 - x) * (1.0 + x)))
}

/// The inverse of the cosine.
#[must_use]
pub fn acos(x: f64) -> f64 {
    2.0 * atan(libm::sqrt((1.0 - x) / (1.0 + x)))
}

/// `(e^x - e^-x) / 2`.
#[must_use]
pub fn sinh(x: f64) -> f64 {
    if x.abs() < 0.5 {
        let e = expm1(x);
        return 0.5 * (e + e / (e + 1.0));
    }
    let root = exp(x.abs() * 0.5);
    ((0.5 * root) * root - (0.5 / root) / root).copysign(x)
}

/// `(e^x + e^-x) / 2`.
#[must_use]
pub fn cosh(x: f64) -> f64 {
    let root = exp(x.abs() * 0.5);
    (0.5 * root) * root + (0.5 / root) / root
}

/// The hyperbolic tangent.
#[must_use]
pub fn tanh(x: f64) -> f64 {
    let e = expm1(2.0 * x.abs());
    let size = if e > 1e17 { 1.0 } else { e / (e + 2.0) };
    size.copysign(x)
}

/// The inverse of the hyperbolic sine.
#[must_use]
pub fn asinh(x: f64) -> f64 {
    let size = x.abs();
    let angle =
        if size > 1e9 { log(size) + LN_2 } else { log1p(size + size * size / (1.0 + libm::sqrt(size * size + 1.0))) };
    angle.copysign(x)
}

/// The inverse of the hyperbolic cosine.
#[must_use]
pub fn acosh(x: f64) -> f64 {
    let t = x - 1.0;
    if x > 1e9 { log(x) + LN_2 } else { log1p(t + libm::sqrt(t) * libm::sqrt(x + 1.0)) }
}

/// The inverse of the hyperbolic tangent.
#[must_use]
pub fn atanh(x: f64) -> f64 {
    let size = x.abs();
    (0.5 * log1p(2.0 * size / (1.0 - size))).copysign(x)
}

/// The error function, `2/√π · ∫ e^-t² dt` from 0 to `x`.
#[must_use]
#[inline(never)]
pub fn erf(x: f64) -> f64 {
    // `2/√π · e^-x² · Σ 2^n x^(2n+1) / (2n+1)!!`; also for NaN, whose sum is NaN.
    if x.abs() > 6.0 {
        return 1f64.copysign(x);
    }
    let (mut sum, mut term, mut n) = (x, x, 1.0);
    while n < 300.0 {
        n += 2.0;
        term *= 2.0 * x * x / n;
        sum += term;
    }
    FRAC_2_SQRT_PI * exp(-x * x) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with `libm` all over, dense around 0.
    fn check(name: &str, got: fn(f64) -> f64, want: fn(f64) -> f64, error: f64) {
        let wide = (0..=u32::MAX).step_by(65_521).map(|high| f64::from_bits(u64::from(high) << 32 | 0x1234_5678));
        let near = (-400_000..400_000).map(|i| f64::from(i) * 5e-5);
        for x in wide.chain(near).chain([0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]) {
            let (g, w) = (got(x), want(x));
            let same = g == w || (g.is_nan() && w.is_nan());
            assert!(same || (g - w).abs() <= error * w.abs() + 1e-307, "{name}({x:e}) = {g:e}, not {w:e}");
        }
    }

    #[test]
    fn within_the_stated_errors() {
        check("exp", exp, libm::exp, 1e-14);
        check("expm1", expm1, libm::expm1, 1e-14);
        check("log", log, libm::log, 1e-14);
        check("log1p", log1p, libm::log1p, 1e-14);
        check("atan", atan, libm::atan, 1e-14);
        check("asin", asin, libm::asin, 1e-14);
        check("acos", acos, libm::acos, 1e-14);
        check("sinh", sinh, libm::sinh, 1e-14);
        check("cosh", cosh, libm::cosh, 1e-14);
        check("tanh", tanh, libm::tanh, 1e-14);
        check("asinh", asinh, libm::asinh, 1e-14);
        check("acosh", acosh, |x| if x < 1.0 { f64::NAN } else { libm::acosh(x) }, 1e-14);
        check("atanh", atanh, libm::atanh, 1e-14);
        check("erf", erf, libm::erf, 1e-14);
    }

    #[test]
    fn angles() {
        for x in (-300_000..300_000).map(|i| f64::from(i) * 1e-4).chain((0..100_000).map(|i| f64::from(i) * 9.9)) {
            for (got, want) in [(sin(x), libm::sin(x)), (cos(x), libm::cos(x))] {
                assert!((got - want).abs() <= 1e-15, "at {x}: {got:e}, not {want:e}");
            }
            assert!((tan(x) - libm::tan(x)).abs() <= 1e-14 * libm::tan(x).abs().max(1e-1), "tan {x}");
        }
        assert!((sin(3e9) - libm::sin(3e9)).abs() < 1e-6);
        assert!([sin(f64::NAN), cos(f64::INFINITY), tan(f64::NEG_INFINITY)].iter().all(|y| y.is_nan()));
    }

    #[test]
    fn powers_and_remainders() {
        let odd =
            [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1e3, 65.0, -65.0, 7e4, 2.5, -2.5, 1e300, 5e-324, -1e-310];
        let odd = odd.into_iter().chain([f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        for (x, y) in odd.clone().flat_map(|x| odd.clone().map(move |y| (x, y))) {
            let (got, want) = (pow(x, y), libm::pow(x, y));
            let same = got == want || (got.is_nan() && want.is_nan());
            assert!(same || (got - want).abs() <= 1e-13 * want.abs(), "{x:e} ^ {y:e} = {got:e}, not {want:e}");
            let (got, want) = (remainder(x, y), x % y);
            assert!(got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()), "{x:e} % {y:e} = {got:e}");
        }
        assert!((1..16).all(|n| pow(10.0, n.into()) == 10f64.powi(n)));
        assert_eq!(pow(-7.0, 17.0), -232_630_513_987_207.0);
    }
}
