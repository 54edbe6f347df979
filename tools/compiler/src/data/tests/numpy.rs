//! `.npy` and `.npz` against bytes that numpy 2 wrote.

use half::f16;

use super::*;

/// A `.npy` as numpy writes it: `text` padded to 118 bytes and a newline, then `data`.
fn npy(text: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\0v\0", format!("{text:117}\n").as_bytes(), data].concat()
}

/// `numpy.save` of `arange(6, dtype=float32).reshape(2, 3)`.
fn numpy_floats() -> Vec<u8> {
    let data = b"\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@";
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", data)
}

/// `numpy.savez_compressed` of `x=array([[0.5, -1]], dtype=float16), y=array([3])`.
const COMPRESSED: &[u8] =
    b"PK\x03\x04-\0\0\0\x08\0\0\0!\0\xa4\x08\x83\xdb\xff\xff\xff\xff\xff\xff\xff\xff\x05\0\x14\0x.npy\x01\
      \0\x10\0\x84\0\0\0\0\0\0\0J\0\0\0\0\0\0\0\x9b\xec\x17\xea\x1b\x10\xc9\xc8P\xc6P\xad\x9e\x92Z\x9c\\\
      \xa4n\xa5\xa0n\x93f\xa4\xae\xa3\xa0\x9e\x96_TR\x94\x98\x17\x9f_\x94\x92\n\x12wK\xcc)N\x05\x8a\x17g$\
      \x16\xa4\x02\xf9\x1a\x86:\nF\x9a:\n\xb5\nd\x03.\x06\x0b\x86=\0PK\x03\x04-\0\0\0\x08\0\0\0!\0C\x9d1\
      \x1c\xff\xff\xff\xff\xff\xff\xff\xff\x05\0\x14\0y.npy\x01\0\x10\0\x88\0\0\0\0\0\0\0H\0\0\0\0\0\0\0\
      \x9b\xec\x17\xea\x1b\x10\xc9\xc8P\xc6P\xad\x9e\x92Z\x9c\\\xa4n\xa5\xa0n\x93i\xa1\xae\xa3\xa0\x9e\x96\
      _TR\x94\x98\x17\x9f_\x94\x92\n\x12wK\xcc)N\x05\x8a\x17g$\x16\xa4\x02\xf9\x1a\x86:\x9a:\n\xb5\n\x14\0\
      .f\x06\x08\0\0PK\x01\x02-\x03-\0\0\0\x08\0\0\0!\0\xa4\x08\x83\xdbJ\0\0\0\x84\0\0\0\x05\0\0\0\0\0\0\0\
      \0\0\0\0\x80\x01\0\0\0\0x.npyPK\x01\x02-\x03-\0\0\0\x08\0\0\0!\0C\x9d1\x1cH\0\0\0\x88\0\0\0\x05\0\0\
      \0\0\0\0\0\0\0\0\0\x80\x01\x81\0\0\0y.npyPK\x05\x06\0\0\0\0\x02\0\x02\0f\0\0\0\0\x01\0\0\0\0";

#[test]
fn npy_equals_numpys_bytes() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    write_npy(&path, &floats(&[2, 3])).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), numpy_floats());
    assert_eq!(read_npy(&path).unwrap(), floats(&[2, 3]));
}

#[test]
fn numpys_compressed_npz_is_read() {
    let folder = Folder::new();
    let path = folder.file("a.npz", COMPRESSED);
    let x = array(&[1, 2], ArrayData::F16(vec![f16::from_f32(0.5), f16::NEG_ONE]));
    assert_eq!(read_npz(path).unwrap(), [("x".to_owned(), x), ("y".to_owned(), labels(&[3]))]);
}

#[test]
fn fortran_order_and_big_endian_are_put_right() {
    // asfortranarray(arange(-1, 5, dtype='>i2').reshape(2, 3))
    let data = b"\xff\xff\0\x02\0\0\0\x03\0\x01\0\x04";
    let folder = Folder::new();
    let path = folder.file("a.npy", npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", data));
    assert_eq!(read_npy(&path).unwrap(), array(&[2, 3], ArrayData::I16(vec![-1, 0, 1, 2, 3, 4])));

    assert_says(&refusal(&path, &InputSpec::new([1, 3])), &["a.npy", "Fortran order", "ascontiguousarray"]);
    // One column is contiguous in either order.
    let path = folder.file("b.npy", npy("{'descr': '>i2', 'fortran_order': True, 'shape': (6, 1), }", data));
    assert_eq!(read(&open(&path, &InputSpec::new([1, 1])))[1].x[0], SampleData::F32(vec![2.0]));
}

#[test]
fn every_shape_and_type_round_trips() {
    let folder = Folder::new();
    let arrays = [
        ("scalar", array(&[], ArrayData::F64(vec![2.5]))),
        ("empty", array(&[0, 3], ArrayData::U16(vec![]))),
        ("flags", array(&[3], ArrayData::Bool(vec![true, false, true]))),
        ("half", array(&[2], ArrayData::F16(vec![f16::MAX, f16::MIN]))),
        ("deep", floats(&[1, 2, 3, 4, 5])),
        ("large", array(&[70_000], ArrayData::U64((0..70_000).map(|i| i << 40).collect()))),
    ];
    let named: Vec<_> = arrays.iter().map(|(name, array)| ((*name).to_owned(), array.clone())).collect();
    assert_eq!(read_npz(folder.npz("a.npz", &arrays)).unwrap(), named);
    for (name, array) in arrays {
        write_npy(folder.path(name), &array).unwrap();
        assert_eq!(read_npy(folder.path(name)).unwrap(), array, "{name}");
    }
}

#[test]
fn equal_arrays_give_equal_bytes() {
    let folder = Folder::new();
    let arrays = [("x", floats(&[50, 3])), ("y", labels(&[1, 2]))];
    let (a, b) = (folder.npz("a.npz", &arrays), folder.npz("b.npz", &arrays));
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
}

#[test]
fn what_cannot_be_written_leaves_no_file() {
    let folder = Folder::new();
    let wrong = array(&[2, 2], ArrayData::U8(vec![1, 2, 3]));
    let path = folder.path("a.npy");
    let error = write_npy(&path, &wrong).unwrap_err().to_string();
    assert_says(&error, &["a.npy", "shape [2, 2]", "3 elements"]);
    assert!(!path.exists());

    let twice = [("x".to_owned(), labels(&[1])), ("x".to_owned(), labels(&[2]))];
    assert_says(&write_npz(folder.path("a.npz"), &twice).unwrap_err().to_string(), &["a.npz"]);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 0);
}

#[test]
fn elements_that_are_not_numbers_are_named() {
    let folder = Folder::new();
    let cases = [
        ("'|O'", "pickled objects"),
        ("'<U2'", "text"),
        ("'|S5'", "text"),
        ("'<c8'", "complex numbers"),
        ("'<M8[ns]'", "dates"),
        ("[('shape', '<f4'), ('b', '<i2')]", "structured elements"),
        ("'<f16'", "extended floats"),
    ];
    for (descr, name) in cases {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}");
        let path = folder.file("a.npy", npy(&header, &[0; 64]));
        assert_says(&read_npy(&path).unwrap_err().to_string(), &["a.npy", name]);
    }
}

#[test]
fn headers_that_lie_are_refused_before_memory_is_taken() {
    let folder = Folder::new();
    let header = |dict: &str| folder.file("a.npy", npy(dict, &[0; 8]));
    let cases = [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "but only 8 do"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }", "its header is"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "its header is"),
        ("{'descr': '<f4', 'fortran_order': 7, 'shape': (1,), }", "its header is"),
        ("{'descr': '<f4', 'fortran_order': False, }", "its header is"),
        ("{}", "its header is"),
    ];
    for (dict, reason) in cases {
        assert_says(&read_npy(header(dict)).unwrap_err().to_string(), &["a.npy", "damaged", reason]);
    }
    let long = folder.file("a.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff{}");
    assert_says(&read_npy(long).unwrap_err().to_string(), &["4294967295 bytes"]);
    let version = folder.file("a.npy", b"\x93NUMPY\x09\0\x02\0{}");
    assert_says(&read_npy(version).unwrap_err().to_string(), &["npy version 9"]);
}

#[test]
fn every_truncation_is_an_error() {
    let folder = Folder::new();
    let whole = numpy_floats();
    for end in 0..whole.len() {
        let path = folder.file("a.npy", &whole[..end]);
        assert!(read_npy(&path).is_err(), "{end} bytes");
        assert!(Dataset::open(path.to_str().unwrap(), &[InputSpec::new([1, 3])]).is_err(), "{end} bytes");
    }
    for end in 0..COMPRESSED.len() {
        let path = folder.file("a.npz", &COMPRESSED[..end]);
        assert!(read_npz(&path).is_err(), "{end} bytes");
        assert!(Dataset::open(path.to_str().unwrap(), &[InputSpec::new([1, 2])]).is_err(), "{end} bytes");
    }
}

#[test]
fn any_changed_byte_gives_an_answer() {
    // A damaged file may still be a file, but reading it never panics, and never changes an element.
    let folder = Folder::new();
    let whole = read_npz(folder.file("a.npz", COMPRESSED)).unwrap();
    for at in 0..COMPRESSED.len() {
        let mut bytes = COMPRESSED.to_vec();
        bytes[at] ^= 0x55;
        let path = folder.file("a.npz", bytes);
        if let Ok(arrays) = read_npz(&path) {
            assert!(arrays.iter().all(|(_, array)| whole.iter().any(|(_, known)| known == array)), "byte {at}");
        }
        let _ = Dataset::open(path.to_str().unwrap(), &[InputSpec::new([1, 2])]).map(|set| set.iter().count());
    }
}

#[test]
fn what_is_no_numpy_file_is_said() {
    let folder = Folder::new();
    let path = folder.file("a.npz", "not a zip");
    assert_says(&read_npz(&path).unwrap_err().to_string(), &["a.npz is not an npz file"]);
    let path = folder.file("a.npy", "not an array");
    assert_says(&read_npy(&path).unwrap_err().to_string(), &["a.npy is not a npy array"]);
    assert_says(&read_npy(folder.path("b.npy")).unwrap_err().to_string(), &["there is no file", "b.npy"]);
}
