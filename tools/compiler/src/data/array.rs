//! An array of any shape and element type, as numpy stores it in C order.
//!
//! What is absent: arithmetic, views and strides.

use half::f16;

/// A tensor: `data` holds the product of `shape` elements, the last axis varying fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The axes' lengths; empty for a single number.
    pub shape: Vec<usize>,
    /// The elements in C order.
    pub data: ArrayData,
}

/// How one element type converts to what models take.
trait Element: Copy {
    /// The nearest `f32`.
    fn to_f32(self) -> f32;
    /// The same value, if the type is an integer's and the value fits.
    fn to_i64(self) -> Option<i64>;
    /// The elements of `bytes`, which are in this machine's order.
    fn decode(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($ty:ty, $to_f32:expr, $to_i64:expr) => {
        impl Element for $ty {
            fn to_f32(self) -> f32 {
                let convert: fn(Self) -> f32 = $to_f32;
                convert(self)
            }
            fn to_i64(self) -> Option<i64> {
                let convert: fn(Self) -> Option<i64> = $to_i64;
                convert(self)
            }
            fn decode(bytes: &[u8]) -> Vec<Self> {
                bytes.chunks_exact(size_of::<Self>()).map(bytemuck::pod_read_unaligned).collect()
            }
        }
    };
}

element!(f16, Self::to_f32, |_| None);
element!(f32, |x| x, |_| None);
element!(f64, |x| x as f32, |_| None);
element!(i8, f32::from, |x| Some(x.into()));
element!(u8, f32::from, |x| Some(x.into()));
element!(i16, f32::from, |x| Some(x.into()));
element!(u16, f32::from, |x| Some(x.into()));
element!(i32, |x| x as f32, |x| Some(x.into()));
element!(u32, |x| x as f32, |x| Some(x.into()));
element!(i64, |x| x as f32, Some);
element!(u64, |x| x as f32, |x| x.try_into().ok());

impl Element for bool {
    fn to_f32(self) -> f32 {
        f32::from(u8::from(self))
    }
    fn to_i64(self) -> Option<i64> {
        Some(i64::from(self))
    }
    fn decode(bytes: &[u8]) -> Vec<Self> {
        bytes.iter().map(|&b| b != 0).collect()
    }
}

macro_rules! element_types {
    ($($variant:ident($ty:ty) $name:literal $descr:literal $integer:literal;)*) => {
        /// An element type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DType {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl DType {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// Numpy's name, such as `float32`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The type as models and files know it.
            pub fn of_model(dtype: siskin::DType) -> Option<Self> {
                Some(match dtype { $(siskin::DType::$variant => Self::$variant,)* _ => return None })
            }

            /// The same type, as models and files know it.
            pub fn to_model(self) -> siskin::DType {
                match self { $(Self::$variant => siskin::DType::$variant),* }
            }

            /// Numpy's kind and size, such as `f4`.
            pub(crate) fn descr(self) -> &'static str {
                match self { $(Self::$variant => $descr),* }
            }

            /// The size of one element in bytes.
            pub fn size(self) -> usize {
                match self { $(Self::$variant => size_of::<$ty>()),* }
            }

            /// Whether the elements are integers or truth values.
            pub fn is_integer(self) -> bool {
                match self { $(Self::$variant => $integer),* }
            }

            /// Elements from `bytes` in this machine's order; a last incomplete element is left out.
            pub fn decode(self, bytes: &[u8]) -> ArrayData {
                match self { $(Self::$variant => ArrayData::$variant(<$ty>::decode(bytes))),* }
            }
        }

        /// The elements of an [`Array`].
        #[derive(Debug, Clone, PartialEq)]
        pub enum ArrayData {
            $(#[doc = concat!("Elements of type `", $name, "`.")] $variant(Vec<$ty>),)*
        }

        impl ArrayData {
            /// The element type.
            pub fn dtype(&self) -> DType {
                match self { $(Self::$variant(_) => DType::$variant),* }
            }

            /// The number of elements.
            pub fn len(&self) -> usize {
                match self { $(Self::$variant(v) => v.len()),* }
            }

            /// The elements' memory, as this machine orders the bytes of a number.
            pub fn as_bytes(&self) -> &[u8] {
                match self { $(Self::$variant(v) => bytemuck::cast_slice(v)),* }
            }

            /// Every element as the nearest `f32`; a `float64` beyond its range becomes infinite.
            pub fn to_f32(&self) -> Vec<f32> {
                match self { $(Self::$variant(v) => v.iter().map(|&x| x.to_f32()).collect()),* }
            }

            /// Every element unchanged, or `None` if the type is not an integer's or a value does not fit.
            pub fn to_i64(&self) -> Option<Vec<i64>> {
                match self { $(Self::$variant(v) => v.iter().map(|&x| x.to_i64()).collect()),* }
            }

            /// The elements at `order`'s positions; positions beyond the end are left out.
            pub(crate) fn pick(&self, order: impl Iterator<Item = usize>) -> Self {
                match self {
                    $(Self::$variant(v) => Self::$variant(order.filter_map(|i| v.get(i).copied()).collect())),*
                }
            }
        }
    };
}

element_types! {
    F32(f32) "float32" "f4" false;
    F16(f16) "float16" "f2" false;
    F64(f64) "float64" "f8" false;
    I8(i8) "int8" "i1" true;
    U8(u8) "uint8" "u1" true;
    I16(i16) "int16" "i2" true;
    U16(u16) "uint16" "u2" true;
    I32(i32) "int32" "i4" true;
    U32(u32) "uint32" "u4" true;
    I64(i64) "int64" "i8" true;
    U64(u64) "uint64" "u8" true;
    Bool(bool) "bool" "b1" true;
}

impl DType {
    /// The type that numpy calls `descr`, such as `f4`.
    pub(crate) fn from_descr(descr: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| d.descr() == descr)
    }
}

impl ArrayData {
    /// Numpy's name of the element type, such as `float32`.
    pub fn dtype_name(&self) -> &'static str {
        self.dtype().name()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The product of `shape`, or `None` if it exceeds `usize`.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1, |n: usize, &d| n.checked_mul(d))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_type_round_trips_through_its_bytes() {
        let samples = [
            ArrayData::F32(vec![1.5, -2.0]),
            ArrayData::F16(vec![f16::from_f32(0.5), f16::NEG_ONE]),
            ArrayData::F64(vec![1e300, -0.0]),
            ArrayData::I8(vec![-128, 127]),
            ArrayData::U8(vec![0, 255]),
            ArrayData::I16(vec![i16::MIN, 1]),
            ArrayData::U16(vec![u16::MAX, 1]),
            ArrayData::I32(vec![i32::MIN, 1]),
            ArrayData::U32(vec![u32::MAX, 1]),
            ArrayData::I64(vec![i64::MIN, 1]),
            ArrayData::U64(vec![u64::MAX, 1]),
            ArrayData::Bool(vec![true, false]),
        ];
        assert_eq!(samples.len(), DType::ALL.len());
        for data in samples {
            let dtype = data.dtype();
            assert_eq!(data.as_bytes().len(), 2 * dtype.size(), "{}", dtype.name());
            assert_eq!(DType::from_descr(dtype.descr()), Some(dtype));
            assert_eq!(data.to_i64().is_some(), dtype.is_integer() && dtype != DType::U64, "{}", dtype.name());
            assert_eq!(dtype.decode(data.as_bytes()), data);
        }
    }

    #[test]
    fn conversions_keep_values_or_say_no() {
        assert_eq!(ArrayData::F16(vec![f16::from_f32(0.5)]).to_f32(), [0.5]);
        assert_eq!(ArrayData::Bool(vec![true, false]).to_f32(), [1.0, 0.0]);
        assert_eq!(ArrayData::U64(vec![7]).to_i64().unwrap(), [7]);
        assert_eq!(ArrayData::U64(vec![u64::MAX]).to_i64(), None);
        assert_eq!(ArrayData::F32(vec![1.0]).to_i64(), None);
        assert_eq!(ArrayData::F64(vec![1e300]).to_f32(), [f32::INFINITY]);
    }
}
