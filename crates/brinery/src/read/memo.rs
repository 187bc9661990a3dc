//! The memo of a stream being loaded.

use hashbrown::HashMap;

/// How many entries the dense part may have beyond twice the number of objects stored.
const SLACK: usize = 1024;

/// Objects by memo index: an array while the indexes are dense, a map for those that are not.
///
/// An index is a claim of the stream, so a large one must not cost memory.
///
/// ```
/// use brinery::read::Memo;
///
/// let mut memo = Memo::default();
/// memo.insert(0, "a");
/// memo.insert(4_000_000_000, "b");
/// assert_eq!((memo.get(4_000_000_000), memo.len()), (Some(&"b"), 2));
/// ```
#[derive(Clone, Debug)]
pub struct Memo<V> {
    dense: Vec<Option<V>>,
    sparse: HashMap<u64, V, foldhash::fast::RandomState>,
    /// How many objects there are, if they do not have the indexes from zero on, without a gap.
    gapped: Option<usize>,
}

impl<V> Default for Memo<V> {
    fn default() -> Self {
        Memo { dense: Vec::new(), sparse: HashMap::default(), gapped: None }
    }
}

impl<V> Memo<V> {
    /// The object at `index`.
    #[inline(always)]
    pub fn get(&self, index: u64) -> Option<&V> {
        match self.dense.get(usize::try_from(index).ok()?) {
            Some(entry) => entry.as_ref(),
            None => self.sparse.get(&index),
        }
    }

    /// Stores `value` at `index` and returns what was there before.
    #[inline(always)]
    pub fn insert(&mut self, index: u64, value: V) -> Option<V> {
        if index == self.dense.len() as u64 && self.gapped.is_none() {
            self.dense.push(Some(value));
            return None;
        }
        self.insert_anywhere(index, value)
    }

    /// Stores `value` under the number of objects stored, as `MEMOIZE` does.
    #[inline(always)]
    pub fn push(&mut self, value: V) {
        match self.gapped {
            None => self.dense.push(Some(value)),
            Some(len) => drop(self.insert_anywhere(len as u64, value)),
        }
    }

    #[inline]
    fn insert_anywhere(&mut self, index: u64, value: V) -> Option<V> {
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        let before = self.len();
        if let Some(entry @ None) = self.dense.get_mut(position) {
            *entry = Some(value);
            self.set_len(before + 1);
            return None;
        }
        if position >= self.dense.len() && position <= 2 * before + SLACK {
            // Growing by more than one spreads the cost of the walk over the map.
            let len = if self.sparse.is_empty() { position + 1 } else { 2 * before + SLACK + 1 };
            self.dense.resize_with(len, || None);
            let dense = &mut self.dense;
            for (index, value) in self.sparse.extract_if(|&index, _| index < len as u64) {
                dense[index as usize] = Some(value);
            }
        }
        let old = match self.dense.get_mut(position) {
            Some(entry) => entry.replace(value),
            None => self.sparse.insert(index, value),
        };
        self.set_len(before + usize::from(old.is_none()));
        old
    }

    fn set_len(&mut self, len: usize) {
        let is_sequential = self.sparse.is_empty() && len == self.dense.len();
        self.gapped = (!is_sequential).then_some(len);
    }

    /// Whether the objects have the indexes from zero on, without a gap.
    pub fn is_sequential(&self) -> bool {
        self.gapped.is_none()
    }

    /// Makes room for indexes below `len` where every object's index is known to be below it.
    ///
    /// The caller answers for `len`, which costs memory.
    pub fn extend_to(&mut self, len: usize) {
        if len > self.dense.len() {
            self.gapped = Some(self.len());
            self.dense.resize_with(len, || None);
        }
    }

    /// Forgets all objects, and keeps the array that they were in.
    pub fn clear(&mut self) {
        self.dense.clear();
        if self.sparse.capacity() > 0 {
            self.sparse = HashMap::default();
        }
        self.gapped = None;
    }

    /// How many objects the memo has room for without growing.
    pub fn capacity(&self) -> usize {
        self.dense.capacity()
    }

    /// How many objects are stored.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.gapped.unwrap_or(self.dense.len())
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All objects, in no particular order and without costing memory.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.dense.iter().flatten().chain(self.sparse.values())
    }

    /// All objects with their indexes, in ascending order of index.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let mut sparse: Vec<_> = self.sparse.iter().map(|(&index, value)| (index, value)).collect();
        sparse.sort_unstable_by_key(|&(index, _)| index);
        let dense = self.dense.iter().enumerate();
        dense.filter_map(|(index, entry)| Some((index as u64, entry.as_ref()?))).chain(sparse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_indexes_cost_nothing() {
        let mut memo = Memo::default();
        assert_eq!(memo.insert(u64::MAX, 1), None);
        assert_eq!(memo.insert(2, 2), None);
        assert_eq!(memo.insert(0, 3), None);
        assert_eq!(memo.insert(2, 4), Some(2));
        assert_eq!(memo.insert(u64::MAX, 5), Some(1));
        assert_eq!(memo.len(), 3);
        assert!(memo.dense.capacity() < 4 * SLACK);
        assert_eq!(memo.iter().collect::<Vec<_>>(), [(0, &3), (2, &4), (u64::MAX, &5)]);
    }

    #[test]
    fn sparse_entries_survive_when_the_array_reaches_them() {
        let mut memo = Memo::default();
        memo.insert(5000, "far");
        for index in 0..6000 {
            if index != 5000 {
                memo.insert(index, "near");
            }
        }
        assert_eq!(memo.get(5000), Some(&"far"));
        assert_eq!(memo.len(), 6000);
    }
}
