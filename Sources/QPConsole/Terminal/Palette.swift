// Palette.swift
//
// From what a cell means to what it looks like on a terminal.

/// How many colours there are to choose from.
enum PaletteKind: String, Hashable, Sendable, CaseIterable {
    /// Bold, underlined and reversed only.
    case none
    /// The eight that every terminal with colours has.
    case few
    /// The 256 of xterm.
    case many

    /// What a terminal with so many colours gets. NO_COLOR of any value says no (no-color.org), unless somebody says
    /// what is wanted; nobody gets more than the terminal has.
    static func choose(environment: [String: String], colors: Int, wanted: Self? = nil) -> Self {
        let best: Self = colors >= 256 ? .many : colors >= 8 ? .few : .none
        if let wanted { return wanted.rank < best.rank ? wanted : best }
        return environment["NO_COLOR"].map { !$0.isEmpty } == true ? .none : best
    }

    private var rank: Int {
        switch self {
        case .none: 0
        case .few: 1
        case .many: 2
        }
    }
}

/// What a terminal is told. Colours are numbers of its table; `nil`: its own.
struct Paint: Hashable, Sendable {
    var foreground: Int16?
    var background: Int16?
    var isBold = false
    var isDim = false
    var isUnderlined = false
    var isReversed = false
}

/// Looks of styles. They have to be readable on dark and light ground, so nothing but what brings its own ground is
/// white or black.
struct Palette: Hashable, Sendable {
    let kind: PaletteKind

    func paint(_ style: Style) -> Paint {
        var paint = Paint()
        switch self.kind {
        case .none: self.plain(style.tone, &paint)
        case .few: self.few(style.tone, &paint)
        case .many: self.many(style.tone, &paint)
        }
        if style.isTagged { self.tag(&paint) }
        if style.isSelected {
            // One bar without seams, whatever colours it covers.
            paint = Paint(isBold: paint.isBold, isUnderlined: paint.isUnderlined, isReversed: true)
        }
        paint.isBold = paint.isBold || style.isBold
        paint.isUnderlined = paint.isUnderlined || style.isUnderlined
        return paint
    }

    private func tag(_ paint: inout Paint) {
        paint.isBold = true
        guard paint.background == nil else { return }
        switch self.kind {
        case .none: paint.isUnderlined = true
        case .few: paint.foreground = 3
        case .many: paint.foreground = 172
        }
    }

    private func plain(_ tone: Style.Tone, _ paint: inout Paint) {
        switch tone {
        case .plain, .muted, .name, .good, .warning: break
        case .heading, .bad, .accent: paint.isBold = true
        case .bar: paint.isReversed = true
        case .heat(let heat): paint.isBold = heat >= 5
        }
    }

    private func few(_ tone: Style.Tone, _ paint: inout Paint) {
        switch tone {
        case .plain, .heading: break
        case .muted: paint.isDim = true
        case .name: paint.foreground = 6
        case .good: paint.foreground = 2
        case .warning: paint.foreground = 3
        case .bad:
            paint.foreground = 1
            paint.isBold = true
        case .accent:
            paint.foreground = 5
            paint.isBold = true
        case .bar: paint.isReversed = true
        case .heat(0): break
        case .heat(let heat):
            paint.background = heat < 3 ? 2 : heat < 6 ? 3 : 1
            paint.foreground = heat < 6 ? 0 : 7
        }
    }

    /// From dark green by yellow to red, and what is readable on it.
    private static let ramp: [(background: Int16, foreground: Int16)] = [
        (22, 255), (28, 255), (64, 231), (142, 16), (178, 16), (166, 16), (160, 231),
    ]

    private func many(_ tone: Style.Tone, _ paint: inout Paint) {
        switch tone {
        case .plain: break
        case .muted: paint.foreground = 244
        case .heading: paint.foreground = 67
        case .name: paint.foreground = 37
        case .good: paint.foreground = 34
        case .warning: paint.foreground = 172
        case .bad:
            paint.foreground = 160
            paint.isBold = true
        case .accent:
            paint.foreground = 33
            paint.isBold = true
        case .bar:
            paint.background = 24
            paint.foreground = 255
        case .heat(0): break
        case .heat(let heat):
            let step = Self.ramp[min(Int(heat), Self.ramp.count) - 1]
            paint.background = step.background
            paint.foreground = step.foreground
        }
    }
}
