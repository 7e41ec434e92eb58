//! Repeated elements of a message that is kept whole: as the message said them, in fewer bytes than it took for that, each
//! made a value when it is asked for. So what says next to nothing is kept in next to nothing, however many fields it has.
//!
//! Keeps and unpacks; what a value means, each [`Element`] knows. Never holds more than one unpacked element.
//!
//! ```text
//! element = place  (open | value)*            place: of what stands above it, by the message's own count
//! open    = 0x80|n m name*                    the path: the first n names of the path before, then m more
//! value   = n      m|0x80? name* text [text]  the value; with 0x80 its currency behind it
//! name    = u16, little-endian                text, place = a length or number in groups of seven bits, bytes
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The bit that tells an element that begins from a value, and a value with a currency from one without.
const MARK: u8 = 0x80;

/// What a kept element is made of. Paths start below the element.
pub trait Element: Clone + Default {
    /// What the message says above its elements, for several of them.
    type Above: Clone + Default;
    /// What of that concerns the elements of one place.
    type Shared;

    /// What stands above the elements of `place`.
    fn shared(above: &Self::Above, place: u32) -> Self::Shared;
    /// An element below it begins.
    fn open(&mut self, _path: &[u16]) {}
    /// A value below it.
    fn value(&mut self, path: &[u16], text: &str, currency: &str);
    /// All is read: what it says nothing of, it takes from above.
    fn inherit(&mut self, _shared: &Self::Shared) {}
}

/// A list of elements of a message, in order: as they were read, or of values that are to be written.
#[derive(Clone)]
pub struct Kept<T: Element>(Form<T>);

#[derive(Clone)]
enum Form<T: Element> {
    Values(Vec<T>),
    Said(Arc<Said<T>>),
}

/// Elements as they were read.
#[derive(Clone)]
struct Said<T: Element> {
    log: Vec<u8>,
    /// Where each element begins in it.
    starts: Vec<usize>,
    /// The path of the last entry.
    last: Vec<u16>,
    above: T::Above,
}

impl<T: Element> Default for Kept<T> {
    fn default() -> Self {
        Self(Form::Values(Vec::new()))
    }
}

impl<T: Element> Kept<T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Values(values) => values.len(),
            Form::Said(said) => said.starts.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at a place, from 0. Those that are wanted all are cheaper by [`iter`](Self::iter).
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Cow<'_, T>> {
        Iter { kept: self, at, shared: None }.next()
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<Cow<'_, T>> {
        self.get(0)
    }

    /// The element that a place above others stands for: 0 for none, else counted from 1.
    pub(crate) fn above(&self, place: u32) -> Option<T> {
        let at = usize::try_from(place).ok()?.checked_sub(1)?;
        self.get(at).map(Cow::into_owned)
    }

    /// The place of the last one above others.
    pub(crate) fn place(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    /// The only one.
    #[must_use]
    pub fn only(&self) -> Option<Cow<'_, T>> {
        self.get(0).filter(|_| self.len() == 1)
    }

    /// All, one unpacked at a time.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { kept: self, at: 0, shared: None }
    }

    /// All as values, to be changed: those that were read are unpacked for good.
    pub fn values_mut(&mut self) -> &mut Vec<T> {
        if let Form::Said(_) = self.0 {
            self.0 = Form::Values(self.iter().map(Cow::into_owned).collect());
        }
        match &mut self.0 {
            Form::Values(values) => values,
            Form::Said(_) => unreachable!("they have just been unpacked"),
        }
    }

    /// Takes the next element in, which begins below `place`.
    pub(crate) fn begin(&mut self, place: u32) {
        let said = self.said();
        push(&mut said.starts, said.log.len());
        said.last.clear();
        said.number(usize::try_from(place).unwrap_or(usize::MAX));
    }

    /// An element below the last one begins.
    pub(crate) fn open(&mut self, path: &[u16]) {
        self.said().entry(path, MARK, 0);
    }

    /// A value below the last one.
    pub(crate) fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        let said = self.said();
        said.entry(path, 0, if currency.is_empty() { 0 } else { MARK });
        for text in [text, currency].iter().take(if currency.is_empty() { 1 } else { 2 }) {
            said.number(text.len());
            said.bytes(text.as_bytes());
        }
    }

    /// All are read, and `above` stands above them.
    pub(crate) fn end(&mut self, above: T::Above) {
        let said = self.said();
        (said.above, said.last) = (above, Vec::new());
    }

    fn said(&mut self) -> &mut Said<T> {
        if let Form::Values(_) = &self.0 {
            let (log, starts, last) = (Vec::new(), Vec::new(), Vec::new());
            self.0 = Form::Said(Arc::new(Said { log, starts, last, above: T::Above::default() }));
        }
        match &mut self.0 {
            Form::Said(said) => Arc::make_mut(said),
            Form::Values(_) => unreachable!("it has just been made"),
        }
    }
}

impl<T: Element> Said<T> {
    /// Where something stands: as many names as are those of the entry before, then the others.
    fn entry(&mut self, path: &[u16], open: u8, currency: u8) {
        let same = path.iter().zip(&self.last).take_while(|(one, before)| one == before).count();
        let new = &path[same..];
        let count = |count: usize| u8::try_from(count).unwrap_or(MARK - 1);
        grow(&mut self.log, 2 + 2 * new.len());
        self.log.extend([count(same) | open, count(new.len()) | currency]);
        self.log.extend(new.iter().flat_map(|name| name.to_le_bytes()));
        self.last.clear();
        self.last.extend(path);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        grow(&mut self.log, bytes.len());
        self.log.extend(bytes);
    }

    fn number(&mut self, mut number: usize) {
        loop {
            let low = u8::try_from(number & 0x7F).unwrap_or(0);
            number >>= 7;
            self.bytes(&[if number == 0 { low } else { low | MARK }]);
            if number == 0 {
                return;
            }
        }
    }

    /// The bytes of an element.
    fn element(&self, at: usize) -> Option<&[u8]> {
        let start = *self.starts.get(at)?;
        let end = self.starts.get(at + 1).copied().unwrap_or(self.log.len());
        self.log.get(start..end)
    }
}

/// The elements of a [`Kept`], one after the other. What stands above several is unpacked once.
pub struct Iter<'a, T: Element> {
    kept: &'a Kept<T>,
    at: usize,
    shared: Option<(u32, T::Shared)>,
}

impl<'a, T: Element> Iterator for Iter<'a, T> {
    type Item = Cow<'a, T>;

    fn next(&mut self) -> Option<Cow<'a, T>> {
        let at = self.at;
        let said = match &self.kept.0 {
            Form::Values(values) => {
                let value = values.get(at)?;
                self.at += 1;
                return Some(Cow::Borrowed(value));
            }
            Form::Said(said) => said,
        };
        let mut entries = Entries(said.element(at)?);
        self.at += 1;
        let place = entries.number().and_then(|place| u32::try_from(place).ok()).unwrap_or(0);
        let mut element = T::default();
        let _ = entries.fill(&mut element);
        let shared = self.shared.take().filter(|(before, _)| *before == place);
        let shared = shared.unwrap_or_else(|| (place, T::shared(&said.above, place)));
        element.inherit(&shared.1);
        self.shared = Some(shared);
        Some(Cow::Owned(element))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.kept.len().saturating_sub(self.at);
        (left, Some(left))
    }
}

impl<T: Element> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<T: Element> ExactSizeIterator for Iter<'_, T> {}

/// Entries that are still to be unpacked.
struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Gives an element all that was said of it; none where the entries are over.
    fn fill<T: Element>(&mut self, element: &mut T) -> Option<()> {
        let mut path = Vec::new();
        loop {
            let (same, new) = (self.byte()?, self.byte()?);
            path.truncate(usize::from(same & !MARK));
            for _ in 0..new & !MARK {
                path.push(u16::from_le_bytes([self.byte()?, self.byte()?]));
            }
            if same & MARK != 0 {
                element.open(&path);
                continue;
            }
            let text = self.text()?;
            let currency = if new & MARK != 0 { self.text()? } else { "" };
            element.value(&path, text, currency);
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let (mut number, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte()?;
            number |= usize::from(byte & !MARK).checked_shl(shift)?;
            shift += 7;
            if byte & MARK == 0 {
                return Some(number);
            }
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }
}

/// Room for so many more, and a quarter of what is there: old and new together are never much more than twice that.
fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 4));
    }
}

/// Adds to a list that grows by quarters, and has no room to spare from its first.
pub(crate) fn push<T>(list: &mut Vec<T>, one: T) {
    grow(list, 1);
    list.push(one);
}

impl<T: Element> From<Vec<T>> for Kept<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Form::Values(values))
    }
}

impl<T: Element> FromIterator<T> for Kept<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Form::Values(values.into_iter().collect()))
    }
}

impl<'a, T: Element> IntoIterator for &'a Kept<T> {
    type Item = Cow<'a, T>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Element + PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Element + Eq> Eq for Kept<T> {}

impl<T: Element + fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says back what it was told.
    #[derive(Clone, PartialEq, Debug, Default)]
    struct Echo(Vec<String>);

    impl Element for Echo {
        type Above = Vec<&'static str>;
        type Shared = String;

        fn shared(above: &Self::Above, place: u32) -> String {
            let at = usize::try_from(place).expect("few");
            above.get(at).copied().unwrap_or("nothing").to_owned()
        }

        fn open(&mut self, path: &[u16]) {
            self.0.push(format!("{path:?}"));
        }

        fn value(&mut self, path: &[u16], text: &str, currency: &str) {
            self.0.push(format!("{path:?} {text} {currency}"));
        }

        fn inherit(&mut self, shared: &String) {
            self.0.push(shared.clone());
        }
    }

    fn said() -> Kept<Echo> {
        let mut kept = Kept::<Echo>::default();
        kept.begin(0);
        kept.begin(1);
        kept.open(&[1, 2]);
        kept.value(&[1, 2, 700], "a", "");
        kept.value(&[1, 2, 700], &"\u{1F4B6}".repeat(5_000), "EUR");
        kept.value(&[1], "", "");
        kept.open(&[]);
        kept.begin(200);
        kept.value(&[9, 9], "z", "");
        kept.end(vec!["above", "beside"]);
        kept
    }

    #[test]
    fn elements_say_again_what_was_said_of_them_and_take_the_rest_from_above() {
        let told: Vec<Vec<String>> = said().iter().map(|one| one.0.clone()).collect();
        let long = format!("[1, 2, 700] {} EUR", "\u{1F4B6}".repeat(5_000));
        let second = ["[1, 2]", "[1, 2, 700] a ", &long, "[1]  ", "[]", "beside"];
        assert_eq!(told[0], ["above"]);
        assert_eq!(told[1], second);
        assert_eq!(told[2], ["[9, 9] z ", "nothing"]);
        assert_eq!((said().get(1), said().get(3)), (Some(Cow::Owned(Echo(told[1].clone()))), None));
        assert_eq!((said().len(), said().iter().len(), said().only()), (3, 3, None));
    }

    #[test]
    fn what_was_read_equals_the_values_that_it_stands_for() {
        let mut values: Kept<Echo> = said().iter().map(Cow::into_owned).collect();
        assert_eq!(values, said());
        values.values_mut()[2].0.pop();
        assert_ne!(values, said());
        let mut read = said();
        read.values_mut().truncate(1);
        assert_eq!(read, Kept::from(vec![Echo(vec!["above".to_owned()])]));
        assert_eq!(format!("{:?}", read.only()), "Some(Echo([\"above\"]))");
    }

    #[test]
    fn a_list_that_grows_by_quarters_has_little_room_to_spare() {
        let mut list = Vec::new();
        for at in 0..10_000_usize {
            push(&mut list, at);
            assert!(list.capacity() <= list.len() + list.len() / 4 + 1);
        }
    }
}
