// Version.swift
//
// The version, as Received fields and `--version` show it.

/// The server's version.
public enum Version {
    /// Major, minor, patch.
    public static let number = "0.1.0"
}
