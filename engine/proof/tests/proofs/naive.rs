//! RFC 6962 written down as its definitions stand there, recursively, one hash at a time. Shares nothing
//! with the crate but BLAKE3 and the context strings.

pub(crate) type Digest = [u8; 32];

/// The hash of a tree's nodes.
#[derive(Clone, Copy)]
pub(crate) struct Nodes(pub(crate) [u8; 32]);

impl Nodes {
    pub(crate) fn of(context: &str) -> Self {
        Self(blake3::derive_key(context, b""))
    }

    pub(crate) fn node(self, left: Digest, right: Digest) -> Digest {
        *blake3::keyed_hash(&self.0, &[left, right].concat()).as_bytes()
    }

    /// MTH(D).
    pub(crate) fn root(self, leaves: &[Digest]) -> Digest {
        match leaves {
            [] => *blake3::keyed_hash(&self.0, b"").as_bytes(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                self.node(self.root(left), self.root(right))
            }
        }
    }

    /// PATH(m, D).
    pub(crate) fn path(self, index: usize, leaves: &[Digest]) -> Vec<Digest> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = split(leaves.len());
        let (left, right) = leaves.split_at(k);
        if index < k {
            [self.path(index, left), vec![self.root(right)]].concat()
        } else {
            [self.path(index - k, right), vec![self.root(left)]].concat()
        }
    }
}

/// For each node of a path, lowest first, whether it stands on the left.
pub(crate) fn sides(index: usize, size: usize) -> Vec<bool> {
    if size == 1 {
        return Vec::new();
    }
    let k = split(size);
    if index < k {
        [sides(index, k), vec![false]].concat()
    } else {
        [sides(index - k, size - k), vec![true]].concat()
    }
}

fn split(size: usize) -> usize {
    let mut k = 1;
    while 2 * k < size {
        k *= 2;
    }
    k
}
