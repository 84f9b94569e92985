//! What `cargo xtask soak`, `mutants-sample`, `reliability` and `stacks` are to do.

use lexopt::ValueExt;

use super::{Request, Words};
use crate::compile::Profile;
use crate::conformance::Place;
use crate::machine::{self, MACHINES};
use crate::mutants::{self, Shard};
use crate::{reliability, soak, stacks};

impl Words {
    /// `[host|MACHINE]... [--seed SEED] [COUNT] [--under TOOL]`.
    pub(super) fn soak(&mut self) -> Result<Request, lexopt::Error> {
        let mut places = Vec::new();
        while let Some(name) = self.values.first().and_then(|value| value.to_str())
            && let Some(place) = Place::named(name)
        {
            places.push(place);
            self.values.remove(0);
        }
        let tool = self.under.take();
        if places.is_empty() {
            places = if tool.is_some() { vec![Place::Host] } else { self.places() };
        }
        if tool.is_some() && places != [Place::Host] {
            return Err("--under watches the hosted program: `cargo xtask soak host --under valgrind`".into());
        }
        let profile = self.profile_for(&places, Profile::Release)?;
        let usual = if tool.is_some() { 100_000 } else { 1_000_000 };
        let count = self.number("COUNT")?.unwrap_or(usual);
        if count == 0 {
            return Err("COUNT must be above 0: no operation shows nothing".into());
        }
        Ok(Request::Soak(soak::Request { seed: self.seed.take().unwrap_or(1), count, places, profile, tool }))
    }

    /// `[--seed SEED] [COUNT] [--shard K/N]`.
    pub(super) fn mutants(&mut self) -> Result<Request, lexopt::Error> {
        let count = self.number("COUNT")?.unwrap_or(200);
        if count == 0 {
            return Err("COUNT must be above 0: no mutant shows nothing".into());
        }
        let count = usize::try_from(count).map_err(|_| "there are not so many mutants")?;
        let shard = self.shard.take().unwrap_or(Shard::WHOLE);
        Ok(Request::Mutants(mutants::Request { seed: self.seed.take().unwrap_or(1), count, shard }))
    }

    /// `[MACHINE] [GUEST...]`, or `--elf FILE [--timeout SECONDS [-- QEMU-ARGUMENT...]]`.
    pub(super) fn stacks(&mut self) -> Result<Request, lexopt::Error> {
        if let Some(elf) = self.elf.take() {
            let boots = self.limit.take().map(|limit| self.rest().map(|arguments| (limit, arguments))).transpose()?;
            return Ok(Request::Stacks(stacks::Request::Elf(elf, boots)));
        }
        let mut machine = &MACHINES[0];
        if let Some(named) = self.values.first().and_then(|name| machine::named(name.to_str()?)) {
            machine = named;
            self.values.remove(0);
        }
        let guests = self.rest()?.into_iter().map(ValueExt::string).collect::<Result<_, _>>()?;
        Ok(Request::Stacks(stacks::Request::Guests(machine, guests)))
    }

    /// `[NAME...] [--only host|MACHINE] [--quick] [--json FILE]`.
    pub(super) fn reliability(&mut self) -> Result<Request, lexopt::Error> {
        let names = self.rest()?.into_iter().map(ValueExt::string).collect::<Result<_, _>>()?;
        let only = std::mem::take(&mut self.only).iter().map(ToString::to_string).collect();
        let quick = std::mem::take(&mut self.quick);
        Ok(Request::Reliability(reliability::Request { names, only, quick, json: self.json.take() }))
    }
}
