//! Data sets in folders of images.

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use super::*;

/// Saves `image` as `name`, whose extension says how.
fn save(folder: &Folder, name: &str, image: impl Into<DynamicImage>) -> PathBuf {
    let path = folder.file(name, "");
    image.into().save(&path).unwrap();
    path
}

/// Five rows of two pixels, with the bytes `first`, `first + 1`, ..
fn rgb(first: u8) -> RgbImage {
    RgbImage::from_raw(2, 5, (first..first + 30).collect()).unwrap()
}

fn flat(range: impl Iterator<Item = u8>) -> SampleData {
    SampleData::F32(range.map(f32::from).collect())
}

#[test]
fn sub_folders_are_classes_in_the_order_of_their_names() {
    let folder = Folder::new();
    save(&folder, "dog/b.bmp", rgb(40));
    save(&folder, "dog/a.PNG", rgb(20));
    save(&folder, "cat/z.png", rgb(0));
    folder.file("cat/notes.txt", "not an image");
    folder.file("cat/.hidden.png", "not looked at");
    let set = open(&folder.path(""), &InputSpec::new([1, 5, 2, 3]));
    assert_eq!(set.classes(), ["cat", "dog"]);
    assert!(set.is_labelled());
    let samples = read(&set);
    let expected: Vec<_> = [(0, 0), (20, 1), (40, 1)]
        .map(|(first, class)| Sample { x: vec![flat(first..first + 30)], y: Some(Target::Class(class)), group: None })
        .into();
    assert_eq!(samples, expected);
}

#[test]
fn channels_come_first_if_the_model_has_them_first() {
    let folder = Folder::new();
    save(&folder, "a/1.png", rgb(0));
    let spec = InputSpec { std: vec![1.0, 1.0, 2.0], ..InputSpec::new([1, 3, 5, 2]) };
    let SampleData::F32(x) = read(&open(&folder.path(""), &spec))[0].x[0].clone() else { panic!("images are real") };
    assert_eq!(x[..10], [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0, 27.0]);
    assert_eq!(x[20..], [1.0, 2.5, 4.0, 5.5, 7.0, 8.5, 10.0, 11.5, 13.0, 14.5]);
}

#[test]
fn colours_become_what_the_model_takes() {
    let folder = Folder::new();
    let x = |shape: &[usize]| read(&open(&folder.path(""), &InputSpec::new(shape)))[0].x[0].clone();
    let channel = |add: u8| (0..10).map(move |pixel| 10 * pixel + add);

    save(&folder, "a/1.png", GrayImage::from_raw(2, 5, channel(0).collect()).unwrap());
    assert_eq!(x(&[1, 5, 2]), flat(channel(0)));
    assert_eq!(x(&[1, 1, 5, 2]), flat(channel(0)));
    assert_eq!(x(&[1, 3, 5, 2]), flat(channel(0).chain(channel(0)).chain(channel(0))));
    assert_eq!(x(&[1, 5, 2, 3]), flat(channel(0).flat_map(|grey| [grey; 3])));

    let rgba = channel(0).flat_map(|p| [p, p + 1, p + 2, p + 3]).collect();
    save(&folder, "a/1.png", RgbaImage::from_raw(2, 5, rgba).unwrap());
    assert_eq!(x(&[1, 3, 5, 2]), flat(channel(0).chain(channel(1)).chain(channel(2))));
    assert_eq!(x(&[1, 5, 2, 4]), flat(channel(0).flat_map(|p| [p, p + 1, p + 2, p + 3])));
}

#[test]
fn other_sizes_are_refused_unless_resizing_is_asked_for() {
    let folder = Folder::new();
    save(&folder, "a/1.png", GrayImage::from_raw(2, 2, vec![0, 40, 80, 120]).unwrap());
    let spec = InputSpec::new([1, 1, 1, 1]);
    assert_says(&refusal(folder.path(""), &spec), &["1.png", "[2, 2]", "[1, 1]", "resized"]);
    let spec = InputSpec { resize: true, ..spec };
    assert_eq!(read(&open(&folder.path(""), &spec))[0].x[0], SampleData::F32(vec![60.0]));
}

#[test]
fn a_jpeg_is_close_to_what_was_saved() {
    let folder = Folder::new();
    save(&folder, "a/1.jpg", GrayImage::from_pixel(8, 8, image::Luma([100])));
    let SampleData::F32(x) = read(&open(&folder.path(""), &InputSpec::new([1, 1, 8, 8])))[0].x[0].clone() else {
        panic!("images are real")
    };
    assert!(x.iter().all(|v| (v - 100.0).abs() <= 2.0), "{x:?}");
}

#[test]
fn images_without_sub_folders_have_no_labels() {
    let folder = Folder::new();
    save(&folder, "1.png", rgb(0));
    let spec = InputSpec::new([1, 3, 5, 2]);
    let set = open(&folder.path(""), &spec);
    assert!(!set.is_labelled());
    assert_eq!(read(&set)[0].y, None);

    save(&folder, "a/2.png", rgb(1));
    assert_says(&refusal(folder.path(""), &spec), &["beside its sub-folders"]);
    let set = open(&folder.path(""), &InputSpec { no_labels: true, ..spec });
    assert_eq!((set.len(), set.classes().len()), (2, 0));
}

#[test]
fn folders_and_images_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let spec = InputSpec::new([1, 3, 5, 2]);
    folder.file("a/readme.txt", "");
    assert_says(&refusal(folder.path(""), &spec), &["folder of images by class", "no PNG, JPEG or BMP"]);
    save(&folder, "a/1.png", rgb(0));
    assert_says(&refusal(folder.path(""), &InputSpec::new([1, 30])), &["[1, 30]", "does not take images"]);
    folder.file("a/2.png", "not an image");
    assert_says(&refusal(folder.path(""), &spec), &["cannot read the image", "2.png"]);
    folder.file("a/3.webp", "");
    assert_says(&refusal(folder.path(""), &spec), &["3.webp", "convert it"]);
}
