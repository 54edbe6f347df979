//! Data sets in `.csv`.

use super::*;

fn sample(x: &[f32], y: Option<Target>) -> Sample {
    Sample { x: vec![SampleData::F32(x.to_vec())], y, group: None }
}

#[test]
fn the_last_column_is_the_label() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "1,2.5,0\n3,-4e1,1\n");
    let samples = read(&open(&path, &InputSpec::new([1, 2])));
    assert_eq!(samples, [sample(&[1.0, 2.5], Some(Target::Class(0))), sample(&[3.0, -40.0], Some(Target::Class(1)))]);
}

#[test]
fn a_header_names_the_label() {
    let folder = Folder::new();
    // A byte order mark, DOS line ends, spaces, an empty line and no newline at the end.
    let path = folder.file("a.csv", "\u{feff}Target, a, b\r\n1, 2, 3\r\n\r\n4, 5, 6");
    let samples = read(&open(&path, &InputSpec::new([1, 2])));
    assert_eq!(samples, [sample(&[2.0, 3.0], Some(Target::Class(1))), sample(&[5.0, 6.0], Some(Target::Class(4)))]);
    let path = folder.file("b.csv", "1st,2nd,label\n1,2,3\n");
    assert_eq!(open(&path, &InputSpec::new([1, 2])).len(), 1);
}

#[test]
fn labels_that_are_not_all_integers_are_values() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "1,2\n3,4.5\n");
    let samples = read(&open(&path, &InputSpec::new([1, 1])));
    assert_eq!(samples[0].y, Some(Target::Values(vec![2.0])));
}

#[test]
fn a_table_may_have_no_label() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "1,2\n3,4\n");
    let spec = InputSpec { no_labels: true, ..InputSpec::new([1, 2]) };
    let set = open(&path, &spec);
    assert!(!set.is_labelled());
    assert_eq!(read(&set), [sample(&[1.0, 2.0], None), sample(&[3.0, 4.0], None)]);
}

#[test]
fn a_column_called_group_is_one_if_the_model_does_not_need_it() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "a,group,b,y\n1,7,2,0\n");
    let grouped = read(&open(&path, &InputSpec::new([1, 2])));
    assert_eq!(grouped, [Sample { group: Some(7), ..sample(&[1.0, 2.0], Some(Target::Class(0))) }]);
    let feature = read(&open(&path, &InputSpec::new([1, 3])));
    assert_eq!(feature, [sample(&[1.0, 7.0, 2.0], Some(Target::Class(0)))]);
}

#[test]
fn integers_reach_models_of_integers_unchanged() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "16777217,2,0\n");
    let spec = InputSpec { integers: true, ..InputSpec::new([1, 2]) };
    let set = open(&path, &spec);
    assert_eq!(set.dtype(), DType::I64);
    assert_eq!(read(&set)[0].x[0], SampleData::I64(vec![16_777_217, 2]));
}

#[test]
fn features_scale_one_by_one() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "1,2,0\n");
    let spec = InputSpec { mean: vec![1.0, 0.0], std: vec![1.0, 4.0], ..InputSpec::new([1, 2]) };
    assert_eq!(read(&open(&path, &spec))[0].x[0], SampleData::F32(vec![0.0, 0.5]));
}

#[test]
fn bad_cells_are_named_by_line_and_column() {
    let folder = Folder::new();
    let refuse = |text: &str| refusal(folder.file("a.csv", text), &InputSpec::new([1, 2]));
    assert_says(&refuse("a,b,y\n1,2,0\n1,cat,0\n"), &["a.csv, line 3, column 2", "\"cat\""]);
    assert_says(&refuse("1,2,0\n\n1,,0\n"), &["line 3, column 2", "\"\""]);
    assert_says(&refuse("a,b,y\r\n1,2,0\r\n\r\n1,,0\r\n"), &["line 4, column 2"]);
    assert_says(&refuse("nan,2,0\n"), &["line 1, column 1", "\"nan\""]);
    assert_says(&refuse("1,2,0\n1,inf,0\n"), &["line 2, column 2", "\"inf\""]);
    assert_says(&refuse("1,2,0\n1,1e39,0\n"), &["line 2, column 2", "\"1e39\""]);
    assert_says(&refuse("1,2,cat\n"), &["line 1, column 3", "\"cat\""]);
    assert_says(&refuse("1,2,0\n1,2\n"), &["line 2", "2 cells", "3 columns"]);
    assert_says(&refusal(folder.file("a.csv", b"1,2,0\n1,\xff,0\n"), &InputSpec::new([1, 2])), &["line 2", "UTF-8"]);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let refuse = |text: &str| refusal(folder.file("a.csv", text), &InputSpec::new([1, 2]));
    assert_says(&refuse(""), &["a.csv", "no samples"]);
    assert_says(&refuse("a,b,y\n"), &["a.csv", "no samples"]);
    assert_says(&refuse("1,2,3,4\n"), &["4 columns", "2 features and a label"]);
    assert_says(&refuse("1,2\n"), &["2 columns", "2 features and a label", "no labels"]);
    assert_says(&refuse("y,target,a\n1,2,3\n"), &["more than one column"]);
}

#[test]
fn a_table_that_shrinks_between_passes_is_found() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "1,2,0\n1,2,0\n");
    let set = open(&path, &InputSpec::new([1, 2]));
    folder.file("a.csv", "1,2,0\n");
    let error = set.iter().find_map(Result::err).unwrap().to_string();
    assert_says(&error, &["a.csv", "changed while it was in use"]);
}
