// ConstantTable.swift
//
// Big tables of domains and addresses, asked by key.

/// A constant database (`config/NAME.cdb`): values by key, read where they lie. A table that is not there holds nothing.
public protocol ConstantTable: Sendable {
    /// The value of a key.
    func value(of key: [UInt8]) -> [UInt8]?
}

extension ConstantTable {
    /// Whether a key is there.
    public func contains(_ key: some StringProtocol) -> Bool {
        self.value(of: Array(key.utf8)) != nil
    }
}
