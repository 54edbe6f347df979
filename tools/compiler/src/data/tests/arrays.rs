//! Data sets in `.npz` and `.npy`.

use super::*;

fn xs(samples: &[Sample]) -> Vec<Vec<f32>> {
    samples.iter().map(|s| s.x[0].to_f32().into_owned()).collect()
}

#[test]
fn samples_come_with_labels_and_groups() {
    let folder = Folder::new();
    let group = array(&[3], ArrayData::U8(vec![9, 8, 7]));
    let path = folder.npz("a.npz", &[("x", floats(&[3, 2])), ("y", labels(&[4, 5, 6])), ("group", group)]);
    let set = open(&path, &InputSpec::new([1, 2]));
    assert!(set.is_labelled());
    let samples = read(&set);
    assert_eq!(
        samples[2],
        Sample { x: vec![SampleData::F32(vec![4.0, 5.0])], y: Some(Target::Class(6)), group: Some(7) }
    );

    let unlabelled = open(&path, &InputSpec { no_labels: true, ..InputSpec::new([1, 2]) });
    assert!(!unlabelled.is_labelled());
    assert_eq!(read(&unlabelled)[0].y, None);
}

#[test]
fn labels_are_classes_if_they_are_one_integer() {
    let folder = Folder::new();
    let spec = InputSpec::new([1, 2]);
    let targets = |y: Array| -> Vec<Target> {
        let path = folder.npz("a.npz", &[("x", floats(&[2, 2])), ("y", y)]);
        read(&open(&path, &spec)).into_iter().map(|s| s.y.unwrap()).collect()
    };
    assert_eq!(targets(array(&[2, 1], ArrayData::I32(vec![3, 4]))), [Target::Class(3), Target::Class(4)]);
    assert_eq!(targets(array(&[2], ArrayData::Bool(vec![true, false]))), [Target::Class(1), Target::Class(0)]);
    let real = targets(array(&[2], ArrayData::F64(vec![1.0, 0.5])));
    assert_eq!(real, [Target::Values(vec![1.0]), Target::Values(vec![0.5])]);
    assert_eq!([real[0].class(), real[1].class()], [Some(1), None]);
    assert_eq!(targets(floats(&[2, 1, 2]))[1], Target::Values(vec![2.0, 3.0]));
}

#[test]
fn a_split_is_chosen_by_name() {
    let folder = Folder::new();
    let arrays = [("x_train", floats(&[3, 2])), ("y_train", labels(&[1, 2, 3])), ("x_val", floats(&[1, 2]))];
    let path = folder.npz("a.npz", &arrays);
    let (spec, file) = (InputSpec::new([1, 2]), path.to_str().unwrap());
    let split = |name: &str| read(&Dataset::open(&format!("{file}:{name}"), core::slice::from_ref(&spec)).unwrap());
    assert_eq!(split("train").len(), 3);
    assert_eq!(split("train")[1].y, Some(Target::Class(2)));
    assert_eq!(split("val").len(), 1);
    assert_eq!(split("val")[0].y, None);

    let message = refusal(file, &spec);
    assert_says(&message, &["no array 'x'", "'x_train', 'y_train', 'x_val'", "a.npz:train"]);
    assert_says(&refusal(format!("{file}:test"), &spec), &["no array 'x_test'", "'x_train'"]);
}

#[test]
fn one_sample_may_lack_the_axis_that_counts_samples() {
    let folder = Folder::new();
    write_npy(folder.path("a.npy"), &floats(&[2, 3])).unwrap();
    assert_eq!(open(&folder.path("a.npy"), &InputSpec::new([1, 3])).len(), 2);
    let one = read(&open(&folder.path("a.npy"), &InputSpec::new([1, 2, 3])));
    assert_eq!(xs(&one), [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]);

    let class = array(&[], ArrayData::I64(vec![7]));
    let path = folder.npz("b.npz", &[("x", floats(&[3])), ("y", class)]);
    assert_eq!(read(&open(&path, &InputSpec::new([1, 3])))[0].y, Some(Target::Class(7)));
    let path = folder.npz("c.npz", &[("x", floats(&[3])), ("y", floats(&[2]))]);
    assert_eq!(read(&open(&path, &InputSpec::new([1, 3])))[0].y, Some(Target::Values(vec![0.0, 1.0])));
}

#[test]
fn bytes_are_transposed_and_scaled() {
    let folder = Folder::new();
    let nhwc = array(&[2, 1, 2, 3], ArrayData::U8((0..12).collect()));
    let path = folder.npz("a.npz", &[("x", nhwc)]);
    let spec = InputSpec { layout: Some(Layout::Nhwc), std: vec![2.0], ..InputSpec::new([1, 3, 1, 2]) };
    let set = open(&path, &spec);
    assert_eq!(set.dtype(), DType::U8);
    assert_eq!(xs(&read(&set))[1], [3.0, 4.5, 3.5, 5.0, 4.0, 5.5]);

    let message = refusal(&path, &InputSpec { layout: None, ..spec });
    assert_says(&message, &["array 'x'", "[2, 1, 2, 3]", "[3, 1, 2]", "is the data's layout nhwc?"]);
}

#[test]
fn integers_reach_models_of_integers_unchanged() {
    let folder = Folder::new();
    let path = folder.npz("a.npz", &[("x", array(&[1, 2], ArrayData::I8(vec![-128, 127])))]);
    let spec = InputSpec { integers: true, ..InputSpec::new([1, 2]) };
    let set = open(&path, &spec);
    assert_eq!(set.dtype().name(), "int8");
    assert_eq!(read(&set)[0].x[0], SampleData::I64(vec![-128, 127]));
}

#[test]
fn values_that_are_not_finite_name_their_sample() {
    let folder = Folder::new();
    let spec = InputSpec::new([1, 2]);
    for bad in [f32::NAN, f32::INFINITY] {
        let x = array(&[3, 2], ArrayData::F32(vec![0.0, 1.0, 2.0, 3.0, bad, 5.0]));
        let path = folder.npz("a.npz", &[("x", x)]);
        let set = open(&path, &spec);
        assert_eq!(set.iter().filter(Result::is_ok).count(), 2);
        assert_says(&refusal(&path, &spec), &["array 'x'", "a.npz", "sample 2"]);
    }
    let y = array(&[2], ArrayData::F32(vec![0.0, f32::NAN]));
    let path = folder.npz("a.npz", &[("x", floats(&[2, 2])), ("y", y)]);
    assert_says(&refusal(&path, &spec), &["array 'y'", "sample 1"]);
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let spec = InputSpec::new([1, 2]);
    let refuse = |arrays: &[(&str, Array)]| refusal(folder.npz("a.npz", arrays), &spec);
    let x = || ("x", floats(&[3, 2]));
    assert_says(&refuse(&[("x", floats(&[4, 3]))]), &["[4, 3]", "samples of shape [2]"]);
    assert_says(&refuse(&[x(), ("y", labels(&[1, 2]))]), &["array 'y'", "2 entries", "3 samples"]);
    assert_says(&refuse(&[x(), ("group", labels(&[1]))]), &["array 'group'", "1 entries", "3 samples"]);
    assert_says(&refuse(&[x(), ("group", floats(&[3]))]), &["float32 values of shape [3]", "one integer"]);
    assert_says(&refuse(&[x(), ("y", floats(&[3, 0]))]), &["array 'y'", "0 entries"]);
    assert_says(&refuse(&[("x", floats(&[0, 2]))]), &["array 'x'", "no samples"]);
    assert_says(&refuse(&[("z", floats(&[3, 2]))]), &["no array 'x'", "it has 'z'"]);
    assert_says(&refuse(&[]), &["no array 'x'", "it has no arrays"]);
    let large = array(&[3], ArrayData::U64(vec![1, u64::MAX, 2]));
    assert_says(&refuse(&[x(), ("y", large)]), &["array 'y'", "uint64", "below 2^63"]);
}

#[test]
fn a_damaged_member_is_found_while_it_is_read() {
    let folder = Folder::new();
    let path = folder.npz("a.npz", &[("x", floats(&[5000, 2]))]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    assert_says(&refusal(&path, &InputSpec::new([1, 2])), &["array 'x'", "a.npz", "damaged"]);
}

#[test]
fn a_pass_may_be_left_early_and_passes_may_overlap() {
    let folder = Folder::new();
    let path = folder.npz("a.npz", &[("x", floats(&[100_000, 2]))]);
    let set = open(&path, &InputSpec::new([1, 2]));
    assert_eq!(set.iter().take(3).filter(Result::is_ok).count(), 3);
    let (mut a, mut b) = (set.iter(), set.iter());
    let ahead = a.nth(50_000).unwrap().unwrap();
    assert_eq!(ahead.x[0], SampleData::F32(vec![100_000.0, 100_001.0]));
    assert_eq!(b.next().unwrap().unwrap().x[0], SampleData::F32(vec![0.0, 1.0]));
    assert_eq!(a.count(), 49_999);
}

#[test]
fn what_is_not_there_or_of_no_known_kind_is_said() {
    let folder = Folder::new();
    let spec = InputSpec::new([1, 2]);
    assert_says(&refusal(folder.path("a.npz"), &spec), &["there is no file or folder", "a.npz"]);
    assert_says(&refusal(folder.path("a.npz:train"), &spec), &["there is no file or folder", "a.npz"]);
    let path = folder.file("a.parquet", "");
    assert_says(&refusal(path, &spec), &["a.parquet", ".npz, .npy or .csv"]);
}

#[test]
fn a_fifth_kept_apart_and_the_rest_are_the_whole() {
    let folder = Folder::new();
    let path = folder.npz("a.npz", &[("x", floats(&[11, 2])), ("y", labels(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]))]);
    let part = |part| open(&path, &InputSpec::new([1, 2])).part(part);
    let classes = |part_of| {
        let set = part(part_of).unwrap();
        let found: Vec<i64> = read(&set).iter().map(|s| s.y.as_ref().unwrap().class().unwrap()).collect();
        assert_eq!(found.len(), set.len());
        found
    };
    assert_eq!(classes(Part::Held), [0, 5, 10]);
    assert_eq!(classes(Part::Rest), [1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(classes(Part::Whole).len(), 11);
    let few = folder.npz("few.npz", &[("x", floats(&[4, 2]))]);
    let error = open(&few, &InputSpec::new([1, 2])).part(Part::Held).unwrap_err().to_string();
    assert!(error.contains("few.npz") && error.contains("4 samples") && error.contains("--eval"), "{error}");
}
