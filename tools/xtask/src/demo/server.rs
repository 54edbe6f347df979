//! The smallest server that the page needs: GET and HEAD of files, a thread for each connection.
//!
//! Paths that climb, hide (`.git`) or follow links out of their directory are answered as what is not there. The page is
//! isolated from other origins, which gives it a clock of 5 µs; what it may load, it says itself.

use core::time::Duration;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};

/// Files and directories by the path they are served under, longer paths first.
pub(super) struct Site(Vec<(&'static str, PathBuf)>);

/// The longest request that is read.
const LONGEST: u64 = 16 * 1024;

const HEADERS: &str = "cache-control: no-cache\r\nx-content-type-options: nosniff\r\n\
                       cross-origin-opener-policy: same-origin\r\ncross-origin-embedder-policy: require-corp\r\n\
                       connection: close\r\n";

impl Site {
    /// Links are followed here, once.
    pub(super) fn new(places: &[(&'static str, PathBuf)]) -> Result<Site> {
        let real = |path: &PathBuf| path.canonicalize().with_context(|| format!("cannot serve {}", path.display()));
        Ok(Site(places.iter().map(|(prefix, path)| Ok((*prefix, real(path)?))).collect::<Result<_>>()?))
    }

    /// Answers for ever.
    pub(super) fn serve(self, listener: &TcpListener) -> Result<()> {
        let site = Arc::new(self);
        loop {
            let (stream, _) = listener.accept()?;
            let site = Arc::clone(&site);
            // A browser that went away is nobody's failure.
            thread::spawn(move || site.answer(&stream).ok());
        }
    }

    fn answer(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream.take(LONGEST));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        // The headers say nothing that matters here, but a client may want them read.
        for header in reader.lines() {
            if header?.is_empty() {
                break;
            }
        }
        stream.write_all(&self.response(&line))
    }

    /// The response to a request's first line.
    fn response(&self, line: &str) -> Vec<u8> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [method @ ("GET" | "HEAD"), target, "HTTP/1.0" | "HTTP/1.1"] = words[..] else {
            return whole("405 Method Not Allowed", "text/plain", b"GET or HEAD\n", true);
        };
        let body = method == "GET";
        match self.find(target).and_then(|path| Some((mime(&path), fs::read(path).ok()?))) {
            Some((mime, file)) => whole("200 OK", mime, &file, body),
            None => whole("404 Not Found", "text/plain", b"not here\n", body),
        }
    }

    /// The file that a request's target names.
    fn find(&self, target: &str) -> Option<PathBuf> {
        let path = target.split(['?', '#']).next()?;
        let (prefix, place) = self.0.iter().find(|(prefix, _)| path.starts_with(prefix))?;
        let rest = match &path[prefix.len()..] {
            "" if place.is_file() => return (path == *prefix).then(|| place.clone()),
            "" => "index.html",
            rest => rest,
        };
        // Names of our own files: no escapes, no drives, nothing hidden, no way up.
        let plain = |part: &str| {
            !part.starts_with('.')
                && !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let found = rest.split('/').all(plain).then(|| place.join(rest))?.canonicalize().ok()?;
        (found.starts_with(place) && found.is_file()).then_some(found)
    }
}

fn whole(status: &str, mime: &str, body: &[u8], sent: bool) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {mime}\r\ncontent-length: {}\r\n{HEADERS}\r\n", body.len());
    [head.as_bytes(), if sent { body } else { &[] }].concat()
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|ext| ext.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// A page with a package and a model beside it, and a secret outside of all.
    fn site() -> (tempfile::TempDir, Site) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("page/index.html", "page"),
            ("page/.hidden", "secret"),
            ("dist/runtime.wasm", "wasm"),
            ("m.siskin", "model"),
            ("secret", "secret"),
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("page/link")).unwrap();
        let at = |name| dir.path().join(name);
        let places = [("/m.siskin", at("m.siskin")), ("/siskin/", at("dist")), ("/", at("page"))];
        let site = Site::new(&places).unwrap();
        (dir, site)
    }

    fn get(site: &Site, target: &str) -> String {
        String::from_utf8(site.response(&format!("GET {target} HTTP/1.1\r\n"))).unwrap()
    }

    #[test]
    fn every_place_is_served_with_its_type() {
        let (_dir, site) = site();
        for (target, mime, body) in [
            ("/", "text/html; charset=utf-8", "page"),
            ("/index.html?x=1", "text/html; charset=utf-8", "page"),
            ("/siskin/runtime.wasm", "application/wasm", "wasm"),
            ("/m.siskin", "application/octet-stream", "model"),
        ] {
            let response = get(&site, target);
            assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{target}: {response}");
            assert!(response.contains(&format!("content-type: {mime}\r\n")), "{target}: {response}");
            assert!(response.ends_with(&format!("\r\n\r\n{body}")), "{target}: {response}");
        }
    }

    #[test]
    fn nothing_outside_is_served() {
        let (_dir, site) = site();
        for target in [
            "/../secret",
            "/siskin/../../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/..\\secret",
            "//secret",
            "/link",
            "/.hidden",
            "/m.siskin/",
            "/m.siskinx",
            "/siskin",
            "secret",
            "/no",
            "http://x/secret",
        ] {
            let response = get(&site, target);
            assert!(response.starts_with("HTTP/1.1 404"), "{target}: {response}");
            assert!(!response.contains("secret"), "{target}");
        }
    }

    #[test]
    fn other_methods_are_refused_and_head_has_no_body() {
        let (_dir, site) = site();
        assert!(site.response("POST / HTTP/1.1").starts_with(b"HTTP/1.1 405"));
        assert!(site.response("").starts_with(b"HTTP/1.1 405"));
        let head = String::from_utf8(site.response("HEAD / HTTP/1.1")).unwrap();
        assert!(head.contains("content-length: 4\r\n") && head.ends_with("\r\n\r\n"));
    }

    #[test]
    fn a_browser_is_answered() {
        let (_dir, site) = site();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || site.serve(&listener));
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            assert!(response.ends_with("page"));
        }
    }
}
