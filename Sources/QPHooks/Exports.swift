// Exports.swift
//
// One import is all that a plugin needs.

@_exported public import Logging
@_exported public import QPSMTP
