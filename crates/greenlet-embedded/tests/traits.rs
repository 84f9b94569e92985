//! Each operation of each blocking trait: what it passes on, and that it fails once a wait was stopped. Hosted.
#![cfg(feature = "std")]

mod common;

use common::some_polls;
use embedded_hal::i2c::{I2c, Operation as I2cOperation};
use embedded_hal::spi::{ErrorKind, Operation, SpiBus, SpiDevice};
use embedded_hal_async as asynchronous;
use embedded_io::{BufRead, Read, Write};
use greenlet_embedded::{Bridge, Error};
use greenlet_hub::Stop;

/// A device that fails if `broken` is set. Bytes that are read count up; what is written is kept.
#[derive(Default)]
struct Device {
    broken: bool,
    next: u8,
    written: Vec<u8>,
}

impl Device {
    async fn step(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), ErrorKind> {
        some_polls().await;
        if self.broken {
            return Err(ErrorKind::Overrun);
        }
        self.written.extend(write);
        for byte in read {
            *byte = self.next;
            self.next += 1;
        }
        Ok(())
    }
}

impl embedded_hal::spi::ErrorType for Device {
    type Error = ErrorKind;
}

impl asynchronous::spi::SpiBus for Device {
    async fn read(&mut self, words: &mut [u8]) -> Result<(), ErrorKind> {
        self.step(words, &[]).await
    }
    async fn write(&mut self, words: &[u8]) -> Result<(), ErrorKind> {
        self.step(&mut [], words).await
    }
    async fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), ErrorKind> {
        self.step(read, write).await
    }
    async fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), ErrorKind> {
        let write = words.to_vec();
        self.step(words, &write).await
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.step(&mut [], b"flushed").await
    }
}

/// A device at the bus, for the traits whose methods have the same names.
struct Selected<'a>(&'a mut Device);

impl embedded_hal::spi::ErrorType for Selected<'_> {
    type Error = ErrorKind;
}

impl asynchronous::spi::SpiDevice for Selected<'_> {
    async fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        for operation in operations {
            match operation {
                Operation::Read(read) => self.0.step(read, &[]).await?,
                Operation::Write(write) => self.0.step(&mut [], write).await?,
                Operation::Transfer(read, write) => self.0.step(read, write).await?,
                Operation::TransferInPlace(words) => {
                    let write = words.to_vec();
                    self.0.step(words, &write).await?;
                }
                Operation::DelayNs(_) => some_polls().await,
            }
        }
        Ok(())
    }
}

struct Wire<'a>(&'a mut Device);

impl embedded_hal::i2c::ErrorType for Wire<'_> {
    type Error = embedded_hal::i2c::ErrorKind;
}

impl asynchronous::i2c::I2c for Wire<'_> {
    async fn transaction(&mut self, address: u8, operations: &mut [I2cOperation<'_>]) -> Result<(), Self::Error> {
        for operation in operations {
            let done = match operation {
                I2cOperation::Read(read) => self.0.step(read, &[address]).await,
                I2cOperation::Write(write) => self.0.step(&mut [], write).await,
            };
            done.map_err(|_| embedded_hal::i2c::ErrorKind::Bus)?;
        }
        Ok(())
    }
}

struct Line<'a>(&'a mut Device, [u8; 3]);

#[derive(Debug, PartialEq)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::BrokenPipe
    }
}

impl embedded_io::ErrorType for Line<'_> {
    type Error = Broken;
}

impl embedded_io_async::Read for Line<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let some = buffer.len().min(2);
        self.0.step(&mut buffer[..some], &[]).await.map_err(|_| Broken)?;
        Ok(some)
    }
}

impl embedded_io_async::Write for Line<'_> {
    async fn write(&mut self, buffer: &[u8]) -> Result<usize, Broken> {
        let some = &buffer[..buffer.len().min(2)];
        self.0.step(&mut [], some).await.map_err(|_| Broken)?;
        Ok(some.len())
    }
    async fn flush(&mut self) -> Result<(), Broken> {
        self.0.step(&mut [], b"!").await.map_err(|_| Broken)
    }
}

impl embedded_io_async::BufRead for Line<'_> {
    async fn fill_buf(&mut self) -> Result<&[u8], Broken> {
        self.0.step(&mut self.1, &[]).await.map_err(|_| Broken)?;
        Ok(&self.1)
    }
    fn consume(&mut self, amount: usize) {
        self.0.written.push(b'0' + amount as u8);
    }
}

#[test]
fn every_operation_passes_on_what_it_carries() {
    hub!(HUB);
    HUB.run(|main| {
        let bridge = Bridge::new(main);
        let mut device = Device::default();

        let mut bus = bridge.blocking(&mut device);
        let (mut two, mut three) = ([0; 2], [7; 3]);
        SpiBus::read(&mut bus, &mut two).unwrap();
        SpiBus::write(&mut bus, b"ab").unwrap();
        SpiBus::transfer(&mut bus, &mut three, b"c").unwrap();
        assert_eq!((two, three), ([0, 1], [2, 3, 4]));
        SpiBus::transfer_in_place(&mut bus, &mut three).unwrap();
        SpiBus::flush(&mut bus).unwrap();
        assert_eq!((three, &*device.written), ([5, 6, 7], &b"abc\x02\x03\x04flushed"[..]));

        device = Device::default();
        let mut chip = bridge.blocking(Selected(&mut device));
        SpiDevice::read(&mut chip, &mut two).unwrap();
        SpiDevice::write(&mut chip, b"ab").unwrap();
        SpiDevice::transfer(&mut chip, &mut three, b"c").unwrap();
        SpiDevice::transfer_in_place(&mut chip, &mut two).unwrap();
        SpiDevice::transaction(&mut chip, &mut [Operation::Write(b"d"), Operation::DelayNs(9)]).unwrap();
        assert_eq!((two, three, &*device.written), ([5, 6], [2, 3, 4], &b"abc\0\x01d"[..]));

        device = Device::default();
        let mut wire = bridge.blocking(Wire(&mut device));
        wire.read(b'R', &mut two).unwrap();
        wire.write(b'W', b"ab").unwrap();
        wire.write_read(b'R', b"c", &mut three).unwrap();
        wire.transaction(b'W', &mut [I2cOperation::Write(b"d")]).unwrap();
        assert_eq!((two, three, &*device.written), ([0, 1], [2, 3, 4], &b"RabcRd"[..]));

        device = Device::default();
        let mut line = bridge.blocking(Line(&mut device, [0; 3]));
        line.read_exact(&mut three).unwrap();
        line.write_all(b"abc").unwrap();
        line.flush().unwrap();
        assert_eq!((three, line.fill_buf().unwrap()), ([0, 1, 2], &[3, 4, 5][..]));
        line.consume(2);
        assert_eq!(&*device.written, b"abc!2");
    })
    .unwrap();
}

#[test]
fn the_error_of_a_device_keeps_its_kind() {
    hub!(HUB);
    HUB.run(|main| {
        let bridge = Bridge::new(main);
        let mut device = Device { broken: true, ..Device::default() };
        let error = SpiBus::flush(&mut bridge.blocking(&mut device)).unwrap_err();
        assert_eq!(error, Error::Device(ErrorKind::Overrun));
        assert_eq!(embedded_hal::spi::Error::kind(&error), ErrorKind::Overrun);
        let error = bridge.blocking(Line(&mut device, [0; 3])).flush().unwrap_err();
        assert_eq!(embedded_io::Error::kind(&error), embedded_io::ErrorKind::BrokenPipe);
        let error = bridge.blocking(Wire(&mut device)).write(1, &[]).unwrap_err();
        assert_eq!(embedded_hal::i2c::Error::kind(&error), embedded_hal::i2c::ErrorKind::Bus);
        assert_eq!(bridge.take_stop(), None);
    })
    .unwrap();
}

#[test]
fn every_operation_fails_once_a_wait_was_stopped() {
    hub!(HUB);
    HUB.run(|main| {
        let bridge = Bridge::new(main);
        let mut device = Device::default();
        main.remote().kill();
        main.yield_now().unwrap_err();
        let mut two = [0; 2];

        let mut bus = bridge.blocking(&mut device);
        assert_eq!(SpiBus::read(&mut bus, &mut two), Err(Error::Stopped));
        assert_eq!(SpiBus::write(&mut bus, b"a"), Err(Error::Stopped));
        assert_eq!(SpiBus::transfer(&mut bus, &mut two, b"a"), Err(Error::Stopped));
        assert_eq!(SpiBus::transfer_in_place(&mut bus, &mut two), Err(Error::Stopped));
        assert_eq!(SpiBus::flush(&mut bus), Err(Error::Stopped));
        let mut chip = bridge.blocking(Selected(&mut device));
        assert_eq!(SpiDevice::write(&mut chip, b"a"), Err(Error::Stopped));
        assert_eq!(SpiDevice::transaction(&mut chip, &mut []), Err(Error::Stopped));
        let mut wire = bridge.blocking(Wire(&mut device));
        assert_eq!(wire.write_read(1, b"a", &mut two), Err(Error::Stopped));
        let mut line = bridge.blocking(Line(&mut device, [0; 3]));
        assert_eq!(line.read(&mut two), Err(Error::Stopped));
        assert_eq!(line.write_all(b"a"), Err(Error::Stopped));
        assert_eq!(line.fill_buf(), Err(Error::Stopped));

        assert_eq!((two, device.next, device.written.len()), ([0; 2], 0, 0));
        assert_eq!(bridge.run(|| unreachable!()), Err::<(), _>(Stop::Killed));
        assert_eq!(bridge.take_stop(), None);
    })
    .unwrap();
}
