//! What a room built for a platform needs and only who runs jobs has: handed through by its type, for this room knows no
//! other.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

/// Things for rooms, at most one of a type. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rooms(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Rooms {
    /// The same with one thing more.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, thing: T) -> Self {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), Arc::new(thing));
        self
    }

    /// The thing of a type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rooms({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_found_by_its_type() {
        let rooms = Rooms::default().with(7_u8).with("seven");
        assert_eq!((rooms.get::<u8>().as_deref(), rooms.get::<&str>().as_deref()), (Some(&7), Some(&"seven")));
        assert!(rooms.get::<u16>().is_none());
    }
}
