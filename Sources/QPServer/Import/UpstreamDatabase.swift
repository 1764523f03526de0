// UpstreamDatabase.swift
//
// The DBM files of a qpsmtpd server, read by the perl of this machine: only perl knows which of its formats it is.

import Glibc
import QPHooks

/// What is in a file that Perl's AnyDBM_File wrote.
struct UpstreamDatabase: Sendable {
    struct Entry: Sendable, Hashable {
        let key: [UInt8]
        let value: [UInt8]
    }

    /// Octets of perl's output: enough for two million entries.
    static let limit = 256 << 20
    private static let timeout = Duration.seconds(600)
    /// Ends of the names that DBM libraries give their files by themselves.
    private static let endings = [".pag", ".dir", ".db"]

    /// Tries what AnyDBM_File would, in its order, as far as the names of the files allow: libraries crash on files that
    /// are not theirs. SDBM comes last, since it opens everything, right or wrong. Says everything in hexadecimal, and a
    /// full stop at the end.
    private static let program = """
        use strict; my ($file) = @ARGV; my @said; $| = 0;
        my @kinds = -e "$file.pag" ? qw(NDBM_File SDBM_File) : -e $file ? qw(DB_File GDBM_File) : qw(NDBM_File);
        for my $kind (@kinds) {
            next unless eval "require $kind; 1";
            my %entries;
            my $is_open = eval { local $SIG{__WARN__} = sub {}; tie(%entries, $kind, $file, 0, 0) };
            if (!$is_open) { push @said, "$kind: $!"; next }
            while (my ($key, $value) = each %entries) { print unpack("H*", $key), " ", unpack("H*", $value), "\\n" }
            print ".\\n"; exit 0;
        }
        print "! ", join("; ", @said), "\\n"; exit 2;
        """

    let path: String
    let entries: [Entry]

    /// Reads a file; of a database in several files any may be named, or what their names have in common.
    init(_ file: String, path: String) throws(StartError) {
        let name = try Self.name(of: file)
        let perl = try Self.perl(path)
        let run = ProgramRun(
            [perl, "-e", Self.program, name], environment: ["PATH=\(path)"], input: [], limit: Self.limit,
            timeout: Self.timeout)
        let result: ProgramResult
        do throws(EffectError) {
            result = try run.run()
        } catch {
            throw StartError("\(perl): \(error)")
        }
        self.path = name
        self.entries = try Self.entries(result, name)
    }

    /// What perl said.
    static func entries(_ result: ProgramResult, _ name: String) throws(StartError) -> [Entry] {
        guard result.output.count < Self.limit else { throw StartError("\(name): too large") }
        var entries: [Entry] = []
        var isComplete = false
        for line in result.output.split(separator: 0x0A) where !isComplete {
            if line.first == UInt8(ascii: "!") {
                let text = String(decoding: line.dropFirst().prefix(300), as: UTF8.self).logEscaped
                throw StartError("\(name): perl cannot read this file:\(text)")
            }
            if line.elementsEqual([UInt8(ascii: ".")]) {
                isComplete = true
                continue
            }
            let parts = line.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let key = Self.octets(parts[0]), let value = Self.octets(parts[1]) else {
                throw StartError("\(name): perl said what cannot be understood")
            }
            entries.append(Entry(key: key, value: value))
        }
        guard isComplete, result.status == 0 else {
            throw StartError("\(name): perl ended early, with status \(result.status); is the file damaged?")
        }
        return entries
    }

    private static func octets(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 2)
        var high: UInt8?
        for byte in text {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            if let first = high { octets.append(first << 4 | digit) }
            high = high == nil ? digit : nil
        }
        return octets
    }

    /// What perl has to be told: the name without what the library adds to it.
    private static func name(of file: String) throws(StartError) -> String {
        guard SystemCall.isPath(file) else { throw StartError("there is no file without a name") }
        var base = file
        // The two halves of one database; a file with .db is read as it is.
        if file.hasSuffix(".pag") || file.hasSuffix(".dir") { base = String(base.dropLast(4)) }
        for name in [base, "\(base).dbm"] where Self.exists(name) { return Self.absolute(name) }
        for name in [base, "\(base).dbm"] where Self.endings.contains(where: { Self.exists(name + $0) }) {
            return Self.absolute(name)
        }
        throw StartError("\(file): there is no such file, nor one with .dbm, .pag, .dir or .db behind it")
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// A name that begins with a hyphen would be an option.
    private static func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "./\(path)" }

    private static func perl(_ path: String) throws(StartError) -> String {
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
            if access("\(folder)/perl", X_OK) == 0 { return "\(folder)/perl" }
        }
        throw StartError("there is no perl in PATH; Debian has it in the package perl")
    }
}
