//! Rare pairs that a run must have reached, counted. A mark that no seed reaches is a hole in the options, and fails
//! the run.

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident $text:literal),+ $(,)?) => {
        /// One rare thing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Mark { $($(#[$doc])* $name),+ }

        /// What each is called.
        pub const MARKS: &[&str] = &[$($text),+];
    };
}

marks! {
    ProbeWaitsForToken "a probe from the retry queue must wait at the limiter",
    ProbeWaitsForCap "a call that might probe waits under the cap",
    ProbeWaitsForCredential "a call that might probe waits for a credential",
    ProbeCancelled "a probe is cancelled in flight",
    ProbeNothing "a probe's answer counts as nothing",
    ProbeOffline "a probe finds the host offline",
    ProbeLate "a probe succeeds after its lease and closes",
    ProbeLateFailure "a probe fails after its lease and counts as nothing",
    ProbeShort "a success short of `probes` makes the next due",
    ProbeFromLine "a call in the retry queue is taken as the probe",
    ProbeUnpaid "a retry goes as the probe and pays nothing",
    Reopened "a probe fails and re-opens",
    OpenedByRun "an unbroken run opens a breaker whose rate does not",
    OpenedByEndpoints "failures of several endpoints open the API's breaker beside theirs",
    OpenedOnTrial "the first failure after a silence opens",
    RunBegunAnew "a breaker that opens keeps its failures from the API's",
    ReopenedWithEnough "a probe fails, and enough calls wait already for the next",
    AgainReopens "a further failure of a call re-opens, as the probe's",
    FailureTakenBack "a call succeeds, and its failure is taken back",
    ClosedBySilence "a breaker closes after a silence",
    ApiOpenEndpointPasses "an endpoint that is well passes while the API's breaker is open",
    ClosedAside "a success that is no probe's closes a breaker",
    HeldByApi "the API's breaker alone holds back an endpoint that failed",
    GateReplaced "the endpoint not used for longest makes room",
    EndpointShares "an endpoint without room shares",
    CutShort "a time-out that the deadline cut short counts as nothing",
    CutLate "a time-out that the deadline cut counts all the same",
    OldGeneration "an outcome of an older generation",
    OldSuccessWhileOpen "a success of an older generation while open",
    SlowSuccess "a slow success counts as a failure",
    NoCredential "an attempt gets no credential",
    NameNeverKnown "a name that does not exist ends a call where nothing ever answered",
    PermanentUnsent "what fails each time was not sent",
    PermanentSent "what fails each time was sent",
    RefreshExpired "a refresh is asked for because a token has expired",
    RefreshRefused "a refresh is asked for because a 401 refused a token",
    RefreshWhileOpen "a refresh is asked for while a breaker is open",
    TokenWhileOpen "a token arrives while a breaker is open",
    ReplayIntoOpen "a 401 replay meets an open breaker",
    ReplayWhilePaused "a 401 replay meets a paused bucket",
    SecondRefusal "a second 401 is delivered",
    LeaderCancelled "the leader of a refresh is cancelled",
    LeaderReplaced "another call leads after a cancelled refresh",
    LeaseOfLeader "a refresh that never came back is led anew",
    TokenFailedForAll "a refresh fails for a call that waits without a token",
    Renew "a Send says that a renewal is due",
    RenewAfterRest "a Send says so again after a rest",
    Renews "a renewal begins beside the calls",
    RenewsLate "a host renews so late that no token serves any more",
    RenewUnderWay "a renewal is under way already",
    RenewNotDue "a host renews, and no renewal is due any more",
    RenewRests "a host renews while a fetch rests",
    RenewalCame "a renewal brings its token",
    RenewalFailed "a renewal fails and leaves the held token",
    SentBesideRenewal "a call goes with the held token beside a renewal",
    LongLife "a token lives so long that its renewal is spread over a minute",
    LeadsNearEnd "a call leads near the end of a token",
    WaitsNearEnd "a call waits near the end of a token",
    OnceWaits "a call that cannot be sent again waits for a renewal",
    UploadNeedsMore "an upload needs a token that lives longer",
    WentOn "a call whose fetch failed goes on with the held token",
    EndsWith401 "a call whose fetch failed ends with its 401",
    FailedAfter401 "a token is kept although a 401 gave it up, as the fetch failed",
    RestFails "a call without a token finds a fetch that rests",
    RestSends "a fetch rests after its renewal is due",
    RestSendsNearEnd "a fetch rests near the end of a token",
    LeadsAfterRest "a call leads after a rest",
    FirstFailure "a first failure without a token does not rest",
    LongestRest "a fetch rests as long as failures let it",
    Rejected "the token endpoint rejects a secret",
    RetryAfterOutlasts "the token endpoint's time is longer than the rest",
    OfflineFetch "a fetch finds the host offline, and no token serves",
    UnchangedEnds "the refused token comes again for a call with its 401",
    Useless "a second 401 shows that a refresh was useless",
    LongestUseless "useless refreshes rest for ten seconds",
    DeliveredUseless "a 401 is delivered after useless refreshes",
    DeliveredResting "a 401 is delivered while a fetch rests",
    ReplayHelps "a replay that helps ends the rest of useless refreshes",
    OnceGivesUp "a 401 to a call that cannot be sent again gives the token up",
    OlderToken "a 401 to an older token",
    ResetRunning "a reset ends the wait for a fetch under way",
    ResetResting "a reset ends the rest of a fetch",
    ResetUseless "a reset ends the rest of useless refreshes",
    ResetHeld "a reset forgets a token",
    ResetNothing "a reset finds nothing to forget",
    TokenStale "a token of a generation that nobody asks for",
    FreeRejoin "a 429 with a time rejoins its bucket's queue",
    ResetAlone "a 429 names its time by a reset alone",
    FreeOfItself "a 429 waits its own time although its bucket tries before",
    FreeWithoutBucket "a 429 with a time for a call that draws nothing",
    NamelessLimit "a 429 without a time",
    LimitOfEndpoint "a 429 is about its endpoint alone",
    LimitOfApi "a second endpoint's 429 is about the API",
    LimitedWhilePaused "a 429 sent before or in a pause",
    FreeByRate "a 429 without a time costs nothing where its bucket has a rate",
    RefusedAgain "a further 429 in a row makes the wait longer than its backoff",
    FirstTeachesNothing "a 429 alone teaches nothing",
    SecondTeaches "a second 429 begins a learned rate",
    WindowClosed "a 429 with hardly a success before it closes a window",
    CapKnown "a 429 costs nothing where a cap is known",
    Tries "one call tries in a pause",
    TryEndsPause "the success of a call that tried ends the pause",
    WaitsForPace "a call waits in a queue for a rate beyond its deadline",
    GaugeEmpty "a gauge shows nothing left on a success",
    GaugeStale "a reading older than what is known",
    SecondBucket "the bucket a gauge shows empty is not the first",
    UnsentGivesBack "a permit comes back after the bucket was full again",
    TokenGivenBack "a call leaves the retry queue with a token and loses it to a shut breaker",
    RetryPaid "a retry is sent with a token",
    RetryRefunded "a paid retry succeeds",
    Asked "a head goes without a token",
    AskedFirst "a first attempt that waited for the breaker goes without tokens",
    AskedInVain "a retry that asked without a token fails",
    AskedRefunds "a retry that asked without a token succeeds, and tokens come back",
    RetryFromLine "a retry goes after waiting in the queue",
    PatienceAnew "a success of the endpoint begins patience anew",
    PatienceEnds "patience ends in the line without a token",
    PatienceEndsOpen "patience ends in the line of an open breaker",
    FirstLinesUp "a first call is queued under breaker.wait",
    WaitEnds "breaker.wait ends for a call that lacks the tokens to go",
    FirstGoesPast "a first call goes past retries without a token",
    NewestFirst "the newest call of a queue that stands is next",
    NewestBeforeWoken "the newest call takes the turn of a head that was woken already",
    NewestSecond "the newest call of a queue that stands has the turn after the next",
    NewestDisplaced "a newer call takes the newest's turn",
    RateLimitedAtOnce "a turn that cannot fit the deadline is refused at once",
    OverloadedFull "more calls wait than maxWaiting",
    OverloadedOffline "an offline call finds the queues full",
    OfflineParks "a call parks offline",
    OfflinePaid "a paid retry goes offline and owes again",
    OnlineWhileOpen "online comes while a breaker is open",
    DeadlineInCap "the deadline ends a wait for the cap",
    DeadlineInBucket "the deadline ends a wait for a bucket",
    DeadlineInRetry "the deadline ends a wait in the retry queue",
    DeadlineInCredential "the deadline ends a wait for a credential",
    SlotTooLong "a wait that would hold a slot of the host too long is not begun",
    SlotEnds "the time of a slot ends a wait in a queue",
    SlotEndsPatience "the time of a slot ends a wait in the retry queue",
    SlotLate "a call goes after the time of its slot is over",
    DeadlineOffline "the deadline ends a wait offline",
    CancelInFlight "a cancel in flight",
    CancelInBackoff "a cancel in backoff",
    CancelInCap "a cancel in the cap's queue",
    CancelInBucket "a cancel in a bucket's queue",
    CancelInRetry "a cancel in the retry queue",
    CancelInCredential "a cancel in a credential's queue",
    CancelOffline "a cancel of an offline call",
    CancelHead "a cancel of a line's head with others behind",
    CloseInBackoff "close finds calls in backoff",
    CloseInCap "close finds calls in the cap's queue",
    CloseInBucket "close finds calls in a bucket's queue",
    CloseInRetry "close finds calls in the retry queue",
    CloseInCredential "close finds calls in a credential's queue",
    CloseOffline "close finds offline calls",
    RetryAfterClose "an attempt that would be retried ends after close",
    ResentUnsafe "an unsafe call without a key is sent again, proven unsent or unprocessed",
    UnknownOutcome "an unsafe call ends with an unknown outcome",
    MaybeApplied "a 404 or 412 may be the echo of an earlier attempt",
    ClockBack "the clock steps back",
    ClockJump "the clock jumps past deadlines",
    ClockStill "the clock stands still",
    WakeEarly "a host asks again before it was told to",
    WakeLate "a host wakes a second late",
    WakeUseless "a woken call stays where it is",
    WakeMissed "a woken call is given up before it was resumed",
    Misused "an input that fits no call's state",
    HostLeaks "a call whose host never came back",
    RecordPulled "a record is pulled",
    RecordLeft "a record is let go",
    EventsDropped "events are dropped",
    NoTimeLimit "an attempt without a time limit",
}

/// How often each was reached.
#[derive(Debug, Clone)]
pub struct Marks(Vec<u64>);

impl Default for Marks {
    fn default() -> Self {
        Self(vec![0; MARKS.len()])
    }
}

impl Marks {
    /// It happened.
    pub fn hit(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    /// Names and counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        MARKS.iter().copied().zip(self.0.iter().copied())
    }
}
