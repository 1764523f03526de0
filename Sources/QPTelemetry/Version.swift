// Version.swift
//
// The version, as Received fields and `--version` show it.

/// The version of server and console.
public enum Version {
    /// Major, minor, patch.
    public static let number = "0.1.0"
}
