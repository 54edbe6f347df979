//! A data set in a folder of images, one sub-folder for each class.
//!
//! ```text
//! folder/cat/1.png  folder/cat/2.jpg     class 0
//! folder/dog/1.bmp                       class 1: the names in order
//! ```
//!
//! Images are read as bytes, 0..255, and converted to the model's 1 (grey), 3 (RGB) or 4 (RGBA)
//! channels. They have the model's height and width, or are scaled if the input asks for it: by the runtime's own
//! `prepare`, so that a device that sees the same picture computes the same input. A folder of images without sub-folders has no
//! labels.
//!
//! What is absent: cropping, rotation by EXIF, and sub-folders of sub-folders.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader};
use siskin::Shape;
use siskin::prepare::{ImageRecord, Picture, picture};

use super::dataset::{Raw, RawSamples, Target};
use super::input::Fit;
use super::{ArrayData, DataError, InputSpec, Layout, Place};

const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "bmp"];

/// Images that are not read. Passing them over would make a set quietly smaller.
const OTHER_EXTENSIONS: [&str; 7] = ["avif", "gif", "heic", "jxl", "tif", "tiff", "webp"];

/// A data set in one folder.
#[derive(Debug)]
pub(crate) struct Images {
    folder: PathBuf,
    classes: Vec<String>,
    /// The images with their classes, sorted by class and name.
    files: Vec<(PathBuf, Option<i64>)>,
    size: Size,
    resize: bool,
}

impl Images {
    /// Opens `folder` and decodes its first image.
    pub(crate) fn open(folder: &Path, spec: &InputSpec) -> Result<(Self, Fit), DataError> {
        spec.sample_len()?;
        let size = Size::of(spec)?;
        let spec = InputSpec { layout: size.layout(), ..spec.clone() };
        let fit = spec.fit(&size.data_shape())?.ok_or_else(|| spec.error("it is not an image"))?;

        let (classes, files) = list(folder, spec.no_labels)?;
        let images = Self { folder: folder.to_owned(), classes, files, size, resize: spec.resize };
        match images.files.first() {
            Some((path, _)) => images.read(path)?,
            None => return Err(images.error("there is no PNG, JPEG or BMP image in it")),
        };
        Ok((images, fit))
    }

    /// The number of images.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of the sub-folders; none if there are no labels.
    pub(crate) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Reads all images, from the first.
    pub(crate) fn iter(&self) -> RawSamples<'_> {
        Box::new(
            self.files
                .iter()
                .map(|(path, class)| Ok(Raw { x: self.read(path)?, y: class.map(Target::Class), group: None })),
        )
    }

    /// The image as the runtime would make it of the decoded pixels, channels last, 0 to 255.
    fn scale(&self, image: DynamicImage) -> Result<ArrayData, String> {
        let Size { height, width, channels, .. } = self.size;
        let (w, h) = (image.width(), image.height());
        let bytes = image.into_rgba8().into_raw();
        let mut values = Vec::new();
        let shape = Shape::new(&[height, width, channels as u32]).ok_or("its size has no shape")?;
        let pixels = Picture::new(&bytes, w, h, 4).map_err(|e| e.to_string())?;
        picture(&PLAIN, &pixels, &shape, &mut |v| values.push(v)).map_err(|_| format!("it cannot become {shape}"))?;
        Ok(ArrayData::F32(values))
    }

    fn error(&self, reason: impl Into<String>) -> DataError {
        DataError::Folder { path: self.folder.clone(), reason: reason.into() }
    }

    fn read(&self, path: &Path) -> Result<ArrayData, DataError> {
        let Size { height, width, channels, .. } = self.size;
        let image = decode(path)?;
        let grey = !image.color().has_color();
        if (image.height(), image.width()) != (height, width) {
            if !self.resize {
                let found = vec![image.height() as usize, image.width() as usize];
                let expected = format!("[{height}, {width}], unless they are said to be resized");
                return Err(DataError::Shape { place: Place::file(path), found, expected });
            }
        } else if grey || channels != 1 {
            return Ok(ArrayData::U8(match channels {
                1 => image.into_luma8().into_raw(),
                4 => image.into_rgba8().into_raw(),
                _ => image.into_rgb8().into_raw(),
            }));
        }
        self.scale(image).map_err(|reason| DataError::Image { path: path.to_owned(), reason })
    }
}

const PLAIN: ImageRecord =
    ImageRecord { mean: [0.0; 4], std: [1.0; 4], filter: 0, fit: 0, channels_first: 0, blue_first: 0 };

fn decode(path: &Path) -> Result<DynamicImage, DataError> {
    let place = Place::file(path);
    let read_error = |e| DataError::read(&place, e);
    // Names lie more often than contents.
    let reader = ImageReader::open(path).map_err(read_error)?.with_guessed_format().map_err(read_error)?;
    reader.decode().map_err(|e| DataError::Image { path: path.to_owned(), reason: e.to_string() })
}

/// What the model takes.
#[derive(Debug, Clone, Copy)]
struct Size {
    height: u32,
    width: u32,
    channels: usize,
    order: Order,
}

/// Where a model has the channels of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    First,
    Last,
    /// A grey image has no axis for them.
    Nowhere,
}

impl Size {
    /// Channels are the first axis if it has 1, 3 or 4 entries, as ONNX has them, else the last.
    fn of(spec: &InputSpec) -> Result<Self, DataError> {
        let is_channels = |n: usize| matches!(n, 1 | 3 | 4);
        let (height, width, channels, order) = match *spec.sample_shape() {
            [c, h, w] if is_channels(c) => (h, w, c, Order::First),
            [h, w, c] if is_channels(c) => (h, w, c, Order::Last),
            [h, w] => (h, w, 1, Order::Nowhere),
            _ => return Err(spec.error("it does not take images of 1, 3 or 4 channels")),
        };
        match (u32::try_from(height), u32::try_from(width)) {
            (Ok(height), Ok(width)) => Ok(Self { height, width, channels, order }),
            _ => Err(spec.error("it is too large for images")),
        }
    }

    /// Decoded images have their channels last.
    fn layout(self) -> Option<Layout> {
        (self.order != Order::Nowhere).then_some(Layout::Nhwc)
    }

    fn data_shape(self) -> Vec<usize> {
        let (height, width) = (self.height as usize, self.width as usize);
        match self.order {
            Order::Nowhere => vec![height, width],
            _ => vec![height, width, self.channels],
        }
    }
}

type Listing = (Vec<String>, Vec<(PathBuf, Option<i64>)>);

/// The classes and the images in `folder`; without classes if they are not wanted.
fn list(folder: &Path, no_labels: bool) -> Result<Listing, DataError> {
    let (folders, loose): (Vec<_>, Vec<_>) = entries(folder)?.into_iter().partition(|path| path.is_dir());
    let mut files: Vec<_> = images(loose)?.map(|path| (path, None)).collect();
    if !folders.is_empty() && !files.is_empty() && !no_labels {
        let reason = "it has images beside its sub-folders, and those have no class".to_owned();
        return Err(DataError::Folder { path: folder.to_owned(), reason });
    }
    let mut classes = Vec::new();
    for (class, folder) in (0..).zip(&folders) {
        let label = (!no_labels).then_some(class);
        files.extend(images(entries(folder)?)?.map(|path| (path, label)));
        classes.extend(label.map(|_| name(folder)));
    }
    Ok((classes, files))
}

/// What is in `folder`, sorted by name; hidden files and folders are passed over.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let read_error = |e| DataError::read(&Place::file(folder), e);
    let entries = fs::read_dir(folder).map_err(read_error)?.map(|entry| entry.map(|e| e.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>().map_err(read_error)?;
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The images among `paths`.
fn images(paths: Vec<PathBuf>) -> Result<impl Iterator<Item = PathBuf>, DataError> {
    if let Some(other) = paths.iter().find(|path| has_extension(path, &OTHER_EXTENSIONS)) {
        let reason = "its format is not supported: convert it to PNG, JPEG or BMP".to_owned();
        return Err(DataError::Image { path: other.clone(), reason });
    }
    Ok(paths.into_iter().filter(|path| has_extension(path, &EXTENSIONS)))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|e| extensions.iter().any(|known| e.eq_ignore_ascii_case(known)))
}
