//! A data set in a folder of images, one sub-folder for each class.
//!
//! ```text
//! folder/cat/1.png  folder/cat/2.jpg     class 0
//! folder/dog/1.bmp                       class 1: the names in order
//! ```
//!
//! Images are read as bytes, 0..255, and converted to the model's 1 (grey), 3 (RGB) or 4 (RGBA)
//! channels. They have the model's height and width, or are scaled if the input asks for it: by the runtime's own
//! `prepare`, so that a device that sees the same picture computes the same input. Where the model's file says how
//! pictures become inputs, that is done. A folder of images without sub-folders has no labels; sub-folders called as the
//! model's classes count as those do.
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
    /// How the model's own file makes its input, and the input's shape.
    recipe: Option<(ImageRecord, Shape)>,
}

impl Images {
    /// Opens `folder` and decodes its first image.
    pub(crate) fn open(folder: &Path, spec: &InputSpec) -> Result<(Self, Fit), DataError> {
        spec.sample_len()?;
        let size = Size::of(spec)?;
        let recipe = spec.picture.and_then(|record| Some((record, shape(spec)?)));
        let spec = match recipe {
            // The recipe does all.
            Some(_) => InputSpec { picture: None, ..spec.clone() },
            None => InputSpec { layout: size.layout(), ..spec.clone() },
        };
        let stored = if recipe.is_some() { spec.sample_shape().to_vec() } else { size.data_shape() };
        let fit = spec.fit(&stored)?.ok_or_else(|| spec.error("it is not an image"))?;

        let (classes, mut files) = list(folder, spec.no_labels)?;
        let classes = ordered(classes, &mut files, &spec.classes, folder)?;
        let images = Self { folder: folder.to_owned(), classes, files, size, resize: spec.resize, recipe };
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
                .map(|(path, class)| Ok(Raw { x: vec![self.read(path)?], y: class.map(Target::Class), group: None })),
        )
    }

    /// The image scaled, channels last, 0 to 255.
    fn scale(&self, image: DynamicImage) -> Result<ArrayData, String> {
        let Size { height, width, channels, .. } = self.size;
        // With the batch, so that a picture of one row is not taken for one of one column.
        let shape = Shape::new(&[1, height, width, channels as u32]).ok_or("its size has no shape")?;
        made(&PLAIN, image, &shape)
    }

    fn error(&self, reason: impl Into<String>) -> DataError {
        DataError::Folder { path: self.folder.clone(), reason: reason.into() }
    }

    fn read(&self, path: &Path) -> Result<ArrayData, DataError> {
        let Size { height, width, channels, .. } = self.size;
        let image = decode(path)?;
        let refusal = |reason| DataError::Image { path: path.to_owned(), reason };
        if let Some((record, shape)) = &self.recipe {
            return made(record, image, shape).map_err(refusal);
        }
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
        self.scale(image).map_err(refusal)
    }
}

/// The image as the runtime would make it of the decoded pixels.
fn made(record: &ImageRecord, image: DynamicImage, shape: &Shape) -> Result<ArrayData, String> {
    let (w, h) = (image.width(), image.height());
    let bytes = image.into_rgba8().into_raw();
    let mut values = Vec::new();
    let pixels = Picture::new(&bytes, w, h, 4).map_err(|e| e.to_string())?;
    picture(record, &pixels, shape, &mut |v| values.push(v)).map_err(|_| format!("it cannot become {shape}"))?;
    Ok(ArrayData::F32(values))
}

/// The shape of the model's input.
fn shape(spec: &InputSpec) -> Option<Shape> {
    let dims: Option<Vec<u32>> = spec.shape.iter().map(|&d| u32::try_from(d).ok()).collect();
    Shape::new(&dims?)
}

/// The classes in the order of the model's names, if the folders are called so; the labels of `files` follow.
fn ordered(
    folders: Vec<String>,
    files: &mut [(PathBuf, Option<i64>)],
    names: &[String],
    folder: &Path,
) -> Result<Vec<String>, DataError> {
    let at = |name: &String| names.iter().position(|n| n == name);
    if folders.iter().all(|f| at(f).is_none()) {
        return Ok(folders);
    }
    if let Some(other) = folders.iter().find(|f| at(f).is_none()) {
        let reason = format!("'{other}' is none of the model's classes, {}", names.join(", "));
        return Err(DataError::Folder { path: folder.to_owned(), reason });
    }
    for (_, label) in files {
        let name = label.and_then(|l| folders.get(usize::try_from(l).ok()?));
        *label = name.and_then(at).and_then(|i| i64::try_from(i).ok());
    }
    Ok(names.to_vec())
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
