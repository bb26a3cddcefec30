//! Combinations that make no sense are replaced by the nearest that do.

use super::convention::*;

impl Convention {
    /// Replaces what makes no sense.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self.fit_count();
        self.fit_family();
        self.fit_numbers();
        self.fit_reset();
        self.fit_policy();
        self
    }

    /// Returns whether tokens come back one by one at an even rate.
    #[must_use]
    pub fn is_bucket(&self) -> bool {
        matches!(self.algorithm, Algorithm::TokenBucket | Algorithm::LeakyQueue | Algorithm::Gcra)
    }

    /// Returns whether a good client never meets the end of a window.
    #[must_use]
    pub fn is_long_quota(&self) -> bool {
        let long = matches!(self.window, Window::Minutes5 | Window::Minutes15 | Window::Hour | Window::Day);
        long && !self.is_bucket() && self.algorithm != Algorithm::Concurrency
    }

    /// Returns whether there is a gauge.
    #[must_use]
    pub fn has_gauge(&self) -> bool {
        !matches!(self.family, Family::Nothing | Family::Stripe)
    }

    /// Returns whether the client can only learn from what it is refused.
    #[must_use]
    pub fn is_learned(&self) -> bool {
        !self.has_gauge() || self.shown == Shown::OnErrors
    }

    fn fit_count(&mut self) {
        let (buckets, capped) = (self.is_bucket(), self.algorithm == Algorithm::Concurrency);
        self.burst = match self.burst {
            _ if !buckets => Burst::None,
            Burst::None => Burst::One,
            other => other,
        };
        self.alignment = match self.alignment {
            _ if self.algorithm != Algorithm::FixedWindow => Alignment::None,
            Alignment::None => Alignment::Aligned,
            other => other,
        };
        if self.window == Window::None {
            self.window = Window::Second;
        }
        if capped {
            (self.window, self.nodes, self.cost) = (Window::None, Nodes::One, Cost::One);
            // Such caps are for requests that are at work for long.
            if matches!(self.latency, Latency::Short | Latency::Usual) {
                self.latency = Latency::Long;
            }
        }
        self.demand = match self.demand {
            _ if !self.is_long_quota() || self.load == Load::Open => Demand::None,
            Demand::None => Demand::Fits,
            other => other,
        };
    }

    fn fit_family(&mut self) {
        if !self.has_gauge() {
            (self.shown, self.quota, self.limit, self.of) = (Shown::None, Quota::None, LimitSays::None, Of::None);
            (self.moment, self.reset, self.cache) = (Moment::None, ResetOf::None, Cache::None);
            return;
        }
        self.say_something();
        let lists = matches!(self.family, Family::Structured | Family::Bare);
        self.quota = match self.quota {
            Quota::Several if !lists => Quota::Binding,
            Quota::Exhausted if !lists => Quota::Other,
            other => other,
        };
        if self.family == Family::Structured && self.limit == LimitSays::Absent {
            self.family = Family::Bare;
        }
        if self.family == Family::Bare {
            self.limit = LimitSays::Absent;
        }
        if self.family == Family::Shopify {
            self.reset = ResetOf::Absent;
            if self.limit == LimitSays::Absent {
                self.limit = LimitSays::Burst;
            }
        }
    }

    /// Gives a gauge every value that it needs.
    fn say_something(&mut self) {
        fn or<T: PartialEq>(value: &mut T, none: T, usual: T) {
            if *value == none {
                *value = usual;
            }
        }
        or(&mut self.shown, Shown::None, Shown::Always);
        or(&mut self.quota, Quota::None, Quota::Binding);
        or(&mut self.limit, LimitSays::None, LimitSays::Window);
        or(&mut self.of, Of::None, Of::Own);
        or(&mut self.moment, Moment::None, Moment::After);
        or(&mut self.reset, ResetOf::None, ResetOf::End);
        or(&mut self.form, Form::None, Form::Delta);
        or(&mut self.form, Form::Exact, Form::Delta);
        or(&mut self.cache, Cache::None, Cache::Fresh);
    }

    fn fit_numbers(&mut self) {
        if !self.has_gauge() {
            return;
        }
        if self.quota == Quota::Other {
            (self.of, self.reset) = (Of::None, if self.reset == ResetOf::Absent { self.reset } else { ResetOf::End });
            if self.limit != LimitSays::Absent {
                self.limit = LimitSays::Window;
            }
            return;
        }
        if !self.is_bucket() {
            self.of = Of::Own;
        }
        let other = self.limit == LimitSays::OtherUnit;
        if self.limit == LimitSays::Burst && (!self.is_bucket() || self.of == Of::Clock)
            || other && self.algorithm == Algorithm::Concurrency
        {
            self.limit = LimitSays::Window;
        }
    }

    fn fit_reset(&mut self) {
        self.reset = match (self.reset, self.algorithm) {
            (ResetOf::None | ResetOf::Absent | ResetOf::Always, _) => self.reset,
            _ if self.quota == Quota::Other => ResetOf::End,
            (_, Algorithm::FixedWindow) => ResetOf::End,
            (ResetOf::End, Algorithm::SlidingLog) => ResetOf::Next,
            (other, Algorithm::SlidingLog | Algorithm::SlidingCounter) => other,
            (_, _) if self.of == Of::Clock => ResetOf::End,
            (ResetOf::End, _) => ResetOf::Full,
            (other, _) => other,
        };
        self.form = match self.family {
            _ if matches!(self.reset, ResetOf::None | ResetOf::Absent) => Form::None,
            Family::Structured | Family::Bare | Family::Draft07 => Form::Delta,
            Family::GitHub => Form::Epoch,
            Family::OpenAi | Family::Anthropic | Family::Own => Form::Exact,
            _ => self.form,
        };
        let seconds = matches!(self.form, Form::Delta | Form::Epoch);
        if !seconds {
            self.rounding = Rounding::None;
        } else if self.rounding == Rounding::None {
            self.rounding = Rounding::Up;
        }
    }

    fn fit_policy(&mut self) {
        if !self.has_gauge() || self.algorithm == Algorithm::Concurrency || self.cost == Cost::Mixed {
            self.policy = Policy::None;
        }
    }
}
