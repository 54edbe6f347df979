//! Values as a picture within the page: a bitmap as a data address.

/// Grey or colour values from 0 to 1, row after row.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Red, green and blue.
    pub(crate) pixels: Vec<[f32; 3]>,
}

impl Picture {
    /// `data:` and the picture as a BMP, which needs no compression to be understood.
    pub(crate) fn address(&self) -> String {
        format!("data:image/bmp;base64,{}", base64(&self.bmp()))
    }

    fn bmp(&self) -> Vec<u8> {
        let row = (self.width * 3).next_multiple_of(4);
        let len = (54 + row * self.height) as u32;
        let mut out = b"BM".to_vec();
        for word in [len, 0, 54, 40, self.width as u32, self.height as u32] {
            out.extend(word.to_le_bytes());
        }
        // One plane, 24 bits, no compression, and what is not needed.
        out.extend([1, 0, 24, 0]);
        out.extend([0; 24]);
        // The last row comes first, and blue before red.
        for line in self.pixels.chunks(self.width.max(1)).rev() {
            let start = out.len();
            for [r, g, b] in line {
                out.extend([b, g, r].map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8));
            }
            out.resize(start + row, 0);
        }
        out
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0u32, |w, &b| w << 8 | u32::from(b)) << (8 * (3 - part.len()));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= part.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let words = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let wanted = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(words.map(|w| base64(w.as_bytes())), wanted);
    }

    #[test]
    fn a_bitmap_has_its_rows_from_below() {
        let picture = Picture { width: 1, height: 2, pixels: vec![[1.0, 0.5, 0.0], [2.0, f32::NAN, -1.0]] };
        let bmp = picture.bmp();
        assert_eq!((bmp.len(), &bmp[..6]), (62, &b"BM\x3e\0\0\0"[..]));
        assert_eq!(bmp[54..], [0, 0, 255, 0, 0, 128, 255, 0]);
    }
}
