//! A picture becomes an input: scaled, its channels brought to the model's, `(x - mean) / std`.
//!
//! ```text
//! y[i, j, c] = (Σ_u Σ_v row[i, u] · column[j, v] · x[u, v, c] - mean[c]) / std[c]        rows of weights sum to 1
//! ```
//!
//! Each value is computed on its own, so no memory is needed; weights are those of `FORMAT.md`.

use crate::{Error, Model, Preparation, Refusal, Session, Shape};
use siskin_format::ImageRecord;

/// Pixels as cameras and pages have them: rows from the top, channels last.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    channels: usize,
}

impl<'a> Picture<'a> {
    /// A picture of `height` rows of `width` pixels of `channels` bytes: 1 (grey), 3 (red, green, blue) or 4, the last
    /// of which only a model of four channels looks at.
    ///
    /// # Errors
    /// [`Error::Length`] with the bytes needed, if there are none or another number.
    pub fn new(bytes: &'a [u8], width: u32, height: u32, channels: u8) -> Result<Picture<'a>, Error> {
        let len = u64::from(width) * u64::from(height) * u64::from(channels);
        if len == 0 || len != bytes.len() as u64 || !matches!(channels, 1 | 3 | 4) {
            return Err(Error::Length(u32::try_from(len).unwrap_or(u32::MAX)));
        }
        Ok(Picture { bytes, width: width as usize, height: height as usize, channels: channels.into() })
    }

    /// Channel `c` of `n` of a pixel inside the picture.
    fn at(&self, row: usize, column: usize, c: usize, n: usize) -> f32 {
        let start = row.wrapping_mul(self.width).wrapping_add(column).wrapping_mul(self.channels);
        let pixel = self.bytes.get(start..).unwrap_or(&[]);
        let value = |c: usize| pixel.get(c).copied().map_or(0.0, f32::from);
        match (self.channels, n) {
            (1 | 3, 4) if c == 3 => 255.0,
            (1, _) => value(0),
            (_, 1) => 0.299 * value(0) + 0.587 * value(1) + 0.114 * value(2),
            _ => value(c),
        }
    }
}

/// How one axis of the input looks at the picture.
#[derive(Clone, Copy)]
struct Axis {
    first: f32,
    step: f32,
    len: usize,
    filter: u8,
}

impl Axis {
    /// Calls `tap` with each pixel that counts for place `i` of the input, and its weight before division by the sum.
    fn taps(self, i: usize, mut tap: impl FnMut(usize, f32)) {
        let centre = self.first + (i as f32 + 0.5) * self.step;
        let reach = match self.filter {
            0 => self.step.max(1.0),
            1 => 1.0,
            // `as` saturates below 0, where nothing of the picture lies.
            _ if centre >= 0.0 => {
                return if (centre as usize) < self.len {
                    tap(centre as usize, 1.0)
                };
            }
            _ => return,
        };
        let last = (libm::ceilf(centre + reach).max(0.0) as usize).min(self.len);
        for j in (libm::floorf(centre - reach).max(0.0) as usize)..last {
            let weight = 1.0 - (j as f32 + 0.5 - centre).abs() / reach;
            if weight > 0.0 {
                tap(j, weight);
            }
        }
    }

    /// Whether place `i` of the input lies within the picture.
    fn covers(self, i: usize) -> bool {
        let centre = self.first + (i as f32 + 0.5) * self.step;
        0.0 <= centre && centre < self.len as f32
    }
}

/// Height, width and channels of an input that takes pictures.
fn sizes(record: &ImageRecord, shape: &[u32]) -> Result<[usize; 3], Refusal> {
    let dims = match shape {
        [1, rest @ ..] if rest.len() >= 2 => rest,
        whole => whole,
    };
    let [h, w, c] = match (dims, record.channels_first) {
        (&[c, h, w], 1) | (&[h, w, c], 0) => [h, w, c],
        (&[h, w], _) => [h, w, 1],
        _ => return Err(Refusal::Shape),
    };
    if matches!(c, 1 | 3 | 4) && h > 0 && w > 0 {
        Ok([h as usize, w as usize, c as usize])
    } else {
        Err(Refusal::Shape)
    }
}

/// Axes of the picture under rows and columns of the input.
fn axes(record: &ImageRecord, picture: &Picture<'_>, [h, w, _]: [usize; 3]) -> [Axis; 2] {
    let (rows, columns) = (picture.height as f32 / h as f32, picture.width as f32 / w as f32);
    let steps = match record.fit {
        1 => [rows.min(columns); 2],
        2 => [rows.max(columns); 2],
        _ => [rows, columns],
    };
    let axis = |len: usize, places: usize, step: f32| {
        let first = (len as f32 - step * places as f32) / 2.0;
        Axis { first, step, len, filter: record.filter }
    };
    [axis(picture.height, h, steps[0]), axis(picture.width, w, steps[1])]
}

/// Makes an input of `shape` (`[1, H, W, C]`, `[1, C, H, W]`, `[1, H, W]` or without the 1) and hands its values to
/// `put`, in order.
///
/// # Errors
/// [`Refusal::Shape`] if the shape is no picture's: of 1, 3 or 4 channels.
pub fn picture(
    record: &ImageRecord,
    picture: &Picture<'_>,
    shape: &[u32],
    put: &mut dyn FnMut(f32),
) -> Result<(), Refusal> {
    let [h, w, channels] = sizes(record, shape)?;
    let [rows, columns] = axes(record, picture, [h, w, channels]);
    let value = |i, j, c: usize| {
        let taken = if record.blue_first == 1 && channels == 3 { 2usize.wrapping_sub(c) } else { c };
        let mean = record.mean.get(c).copied().unwrap_or(0.0);
        let x = if rows.covers(i) && columns.covers(j) {
            sample(picture, (rows, i), (columns, j), taken, channels)
        } else {
            mean
        };
        (x - mean) / record.std.get(c).copied().unwrap_or(1.0)
    };
    let (outer, inner) = if record.channels_first == 1 { (channels, 1) } else { (1, channels) };
    for c in 0..outer {
        for i in 0..h {
            for j in 0..w {
                (0..inner).for_each(|k| put(value(i, j, c.wrapping_add(k))));
            }
        }
    }
    Ok(())
}

/// The weighted mean under one place of the input.
fn sample(picture: &Picture<'_>, (rows, i): (Axis, usize), (columns, j): (Axis, usize), c: usize, n: usize) -> f32 {
    let (mut sum, mut whole) = (0.0f32, 0.0f32);
    rows.taps(i, |row, a| {
        let (mut line, mut weights) = (0.0f32, 0.0f32);
        columns.taps(j, |column, b| {
            line += b * picture.at(row, column, c, n);
            weights += b;
        });
        sum += a * (line / weights);
        whole += a;
    });
    sum / whole
}

impl Model<'_> {
    /// How input `i` is made, if the file says so.
    #[must_use]
    pub fn preparation(&self, i: usize) -> Option<Preparation> {
        self.artifact.preparation(u16::try_from(i).ok()?)
    }
}

impl Session<'_> {
    /// Makes input `i` from a picture, as the file says.
    ///
    /// # Errors
    /// [`Error::NoPreparation`] if the file says nothing of pictures for this input or the input is no picture; else as
    /// [`Session::write_f32`]'s.
    pub fn write_picture(&mut self, i: usize, pixels: &Picture<'_>) -> Result<(), Error> {
        let refusal = Error::NoPreparation(u16::try_from(i).unwrap_or(u16::MAX));
        let Some(Preparation::Image(record)) = self.model().preparation(i) else { return Err(refusal) };
        let shape = self.model().inputs().nth(i).map_or(Shape::SCALAR, |port| port.shape);
        // The port is written a block at a time: a whole input in `f32` would need memory.
        let (mut block, mut filled, mut start) = ([0f32; 32], 0usize, 0usize);
        let mut result = Ok(());
        picture(&record, pixels, &shape, &mut |v| {
            if let Some(slot) = block.get_mut(filled) {
                *slot = v;
            }
            filled = filled.wrapping_add(1);
            if filled == block.len() {
                result = result.and(self.write_f32_at(i, start, &block));
                start = start.wrapping_add(filled);
                filled = 0;
            }
        })
        .map_err(|_| refusal)?;
        result.and(self.write_f32_at(i, start, block.get(..filled).unwrap_or(&[])))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const PLAIN: ImageRecord =
        ImageRecord { mean: [0.0; 4], std: [1.0; 4], filter: 0, fit: 0, channels_first: 0, blue_first: 0 };

    fn make(record: &ImageRecord, pixels: &Picture<'_>, shape: &[u32]) -> Vec<f32> {
        let mut values = Vec::new();
        picture(record, pixels, &Shape::new(shape).unwrap(), &mut |v| values.push(v)).unwrap();
        values
    }

    #[test]
    fn a_picture_of_the_right_size_stays_as_it_is() {
        let bytes: Vec<u8> = (0..24).collect();
        let pixels = Picture::new(&bytes, 4, 2, 3).unwrap();
        let same: Vec<f32> = bytes.iter().map(|&b| b.into()).collect();
        for filter in 0..3 {
            assert_eq!(make(&ImageRecord { filter, ..PLAIN }, &pixels, &[1, 2, 4, 3]), same, "filter {filter}");
        }
        let first = make(&ImageRecord { channels_first: 1, ..PLAIN }, &pixels, &[3, 2, 4]);
        assert_eq!(first[..3], [0.0, 3.0, 6.0]);
        let blue = make(&ImageRecord { blue_first: 1, mean: [1.0; 4], std: [2.0; 4], ..PLAIN }, &pixels, &[2, 4, 3]);
        assert_eq!(blue[..3], [0.5, 0.0, -0.5]);
    }

    #[test]
    fn shrinks_by_averages_cuts_and_pads() {
        // The triangle over two pixels reaches the neighbours: weights 1, 3, 3, 1.
        let ramp = Picture::new(&[0, 80, 80, 160], 4, 1, 1).unwrap();
        assert_eq!(make(&PLAIN, &ramp, &[1, 2]), [(3.0 * 80.0 + 80.0) / 7.0, (80.0 + 3.0 * 80.0 + 3.0 * 160.0) / 7.0]);
        assert_eq!(make(&ImageRecord { filter: 2, ..PLAIN }, &ramp, &[1, 2]), [80.0, 160.0]);
        assert_eq!(make(&ImageRecord { filter: 1, ..PLAIN }, &ramp, &[1, 2]), [40.0, 120.0]);
        assert_eq!(make(&ImageRecord { fit: 1, filter: 2, ..PLAIN }, &ramp, &[2, 2]), [80.0, 80.0, 80.0, 80.0]);
        let padded = make(&ImageRecord { fit: 2, filter: 2, mean: [80.0; 4], ..PLAIN }, &ramp, &[4, 4]);
        assert_eq!(padded[..4], [0.0; 4]);
        assert_eq!(padded[4..8], [-80.0, 0.0, 0.0, 80.0]);
    }

    #[test]
    fn grey_is_a_weighted_mean() {
        let red = Picture::new(&[200, 0, 0, 9], 1, 1, 4).unwrap();
        assert_eq!(make(&PLAIN, &red, &[1, 1, 1]), [0.299 * 200.0]);
        assert_eq!(make(&PLAIN, &Picture::new(&[7], 1, 1, 1).unwrap(), &[1, 1, 1, 3]), [7.0; 3]);
    }

    #[test]
    fn refuses_what_is_no_picture() {
        assert_eq!(Picture::new(&[0; 5], 2, 2, 1).unwrap_err(), Error::Length(4));
        assert_eq!(Picture::new(&[], 0, 2, 1).unwrap_err(), Error::Length(0));
        assert_eq!(Picture::new(&[0; 8], 2, 2, 2).unwrap_err(), Error::Length(8));
        let pixels = Picture::new(&[0; 4], 2, 2, 1).unwrap();
        for shape in [&[4u32][..], &[2, 2, 2], &[2, 2, 5], &[1, 1, 1, 1, 1]] {
            let shape = Shape::new(shape).unwrap();
            assert_eq!(picture(&PLAIN, &pixels, &shape, &mut |_| {}), Err(Refusal::Shape), "{shape:?}");
        }
    }
}
