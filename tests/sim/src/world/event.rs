//! What may happen to a client of a world.

use super::server::End;
/// Something that will happen to a client, by its place.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Begin(usize),
    /// An attempt of a call's n-th step ends.
    Ended(usize, u32, u32, End),
    /// A wait of a call's n-th step is over.
    Resume(usize, u32, u32),
    Token(usize, u64),
    /// The host takes a renewal up for a scope, or forgets the scope's token.
    Renew(usize, u32),
    Reset(usize, u32),
    Cancel(usize, u32),
    Online(usize),
    Close(usize),
}

impl Event {
    /// Whose it is.
    #[must_use]
    pub fn client(&self) -> usize {
        match *self {
            Self::Begin(client)
            | Self::Ended(client, ..)
            | Self::Resume(client, ..)
            | Self::Token(client, _)
            | Self::Renew(client, _)
            | Self::Reset(client, _)
            | Self::Cancel(client, _)
            | Self::Online(client)
            | Self::Close(client) => client,
        }
    }
}
