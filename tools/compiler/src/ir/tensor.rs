//! Constants: a type and its bytes, aligned for every element type.

use bytemuck::Pod;
use half::f16;
use siskin::{DType, Shape, Type, TypeRef};

/// A constant or a computed value.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    ty: Type,
    words: Vec<u128>,
}

/// A Rust type that tensors hold.
pub trait Scalar: Pod {
    /// The element type.
    const DTYPE: DType;
}

macro_rules! scalars {
    ($($t:ty: $d:ident),*) => {$(impl Scalar for $t { const DTYPE: DType = DType::$d; })*};
}
scalars!(f32: F32, f16: F16, f64: F64, i8: I8, u8: U8, i16: I16, u16: U16, i32: I32, u32: U32, i64: I64, u64: U64);

impl Tensor {
    /// A tensor of zeros. A type that [`Type::checked_bytes`] refuses gives an empty one.
    #[must_use]
    pub fn zeros(ty: Type) -> Tensor {
        let bytes = ty.checked_bytes().unwrap_or(0) as usize;
        Tensor { ty, words: vec![0; bytes.div_ceil(16)] }
    }

    /// A tensor of these bytes, or nothing if their number is not what the type says.
    #[must_use]
    pub fn from_bytes(ty: Type, bytes: &[u8]) -> Option<Tensor> {
        if ty.checked_bytes()? as usize != bytes.len() {
            return None;
        }
        let mut tensor = Tensor::zeros(ty);
        tensor.bytes_mut().copy_from_slice(bytes);
        Some(tensor)
    }

    /// A tensor of these elements, or nothing if their number is not what the axes say.
    #[must_use]
    pub fn new<T: Scalar>(dims: &[u32], elements: &[T]) -> Option<Tensor> {
        Tensor::from_bytes(Type::new(T::DTYPE, Shape::new(dims)?), bytemuck::cast_slice(elements))
    }

    /// A one-dimensional tensor of these elements.
    #[must_use]
    pub fn vector<T: Scalar>(elements: &[T]) -> Tensor {
        let shape = Shape::new(&[elements.len() as u32]).unwrap_or(Shape::SCALAR);
        let mut tensor = Tensor::zeros(Type::new(T::DTYPE, shape));
        tensor.bytes_mut().copy_from_slice(bytemuck::cast_slice(elements));
        tensor
    }

    /// A tensor without axes.
    #[must_use]
    pub fn scalar<T: Scalar>(element: T) -> Tensor {
        let mut tensor = Tensor::zeros(Type::new(T::DTYPE, Shape::SCALAR));
        tensor.bytes_mut().copy_from_slice(bytemuck::bytes_of(&element));
        tensor
    }

    /// Element type and shape.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The type, borrowed.
    #[must_use]
    pub fn view(&self) -> TypeRef<'_> {
        self.ty.view()
    }

    /// The axes.
    #[must_use]
    pub fn dims(&self) -> &[u32] {
        self.ty.shape.dims()
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let len = self.ty.checked_bytes().unwrap_or(0) as usize;
        bytemuck::cast_slice(&self.words).get(..len).unwrap_or(&[])
    }

    /// The bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.ty.checked_bytes().unwrap_or(0) as usize;
        bytemuck::cast_slice_mut(&mut self.words).get_mut(..len).unwrap_or(&mut [])
    }

    /// The elements, or nothing if they are of another type. Booleans read as `u8`.
    #[must_use]
    pub fn get<T: Scalar>(&self) -> Option<&[T]> {
        let same = self.ty.dtype == T::DTYPE || (self.ty.dtype == DType::Bool && T::DTYPE == DType::U8);
        if same { bytemuck::try_cast_slice(self.bytes()).ok() } else { None }
    }

    /// The elements to be written, or nothing if they are of another type.
    pub fn get_mut<T: Scalar>(&mut self) -> Option<&mut [T]> {
        let same = self.ty.dtype == T::DTYPE || (self.ty.dtype == DType::Bool && T::DTYPE == DType::U8);
        if same { bytemuck::try_cast_slice_mut(self.bytes_mut()).ok() } else { None }
    }

    /// The same elements under another shape, or nothing if the number of elements differs.
    #[must_use]
    pub fn reshaped(&self, dims: &[u32]) -> Option<Tensor> {
        let shape = Shape::new(dims)?;
        (shape.checked_elements() == self.ty.shape.checked_elements())
            .then(|| Tensor { ty: Type::new(self.ty.dtype, shape), words: self.words.clone() })
    }

    /// The elements as integers: any integer type or bool; floats only where whole.
    #[must_use]
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        Some(match self.ty.dtype {
            DType::I8 => self.get::<i8>()?.iter().map(|&v| v.into()).collect(),
            DType::U8 | DType::Bool => self.get::<u8>()?.iter().map(|&v| v.into()).collect(),
            DType::I16 => self.get::<i16>()?.iter().map(|&v| v.into()).collect(),
            DType::U16 => self.get::<u16>()?.iter().map(|&v| v.into()).collect(),
            DType::I32 => self.get::<i32>()?.iter().map(|&v| v.into()).collect(),
            DType::U32 => self.get::<u32>()?.iter().map(|&v| v.into()).collect(),
            DType::I64 => self.get::<i64>()?.to_vec(),
            DType::U64 => self.get::<u64>()?.iter().map(|&v| i64::try_from(v).ok()).collect::<Option<_>>()?,
            _ => return None,
        })
    }

    /// The elements as `f32`, rounded where `f32` is narrower.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        let ints = || self.to_i64().map(|v| v.iter().map(|&v| v as f32).collect());
        match self.ty.dtype {
            DType::F32 => self.get::<f32>().map(<[f32]>::to_vec),
            DType::F16 => self.get::<f16>().map(|v| v.iter().map(|v| v.to_f32()).collect()),
            DType::F64 => self.get::<f64>().map(|v| v.iter().map(|&v| v as f32).collect()),
            _ => ints(),
        }
        .unwrap_or_default()
    }
}

impl core::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {:?}", self.ty, self.to_f32().iter().take(16).collect::<Vec<_>>())
    }
}
