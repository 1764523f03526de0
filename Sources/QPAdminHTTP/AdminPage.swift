// AdminPage.swift
//
// The page at `/`: one document that reads the API and shows it. It writes nothing.

/// The page that the endpoint serves to browsers.
///
/// Style and script stand inline, once each, so that a content security policy can name them by their hashes: there are
/// no style attributes and no event handlers in the markup. What the API brings is shown as text, never as markup.
enum AdminPage {
    /// The whole document.
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="referrer" content="no-referrer">
        <title>qpserver</title>
        <link rel="icon" href="data:,">
        <style>\#(Self.style)</style>
        </head>
        <body>
        <a class="skip" href="#sessions">Skip to the sessions</a>

        <header>
          <div class="bar">
            <h1 id="name">qpserver</h1>
            <span id="version" class="quiet"></span>
            <span id="uptime" class="quiet"></span>
            <span id="modes"></span>
            <span class="gap"></span>
            <span id="who" class="quiet"></span>
            <span id="link" class="link" role="status">connecting</span>
            <button type="button" id="token-open">Token</button>
            <button type="button" id="help-open" aria-label="Help">?</button>
          </div>
          <dl id="numbers" class="numbers"></dl>
        </header>

        <nav aria-label="Sections">
          <a href="#rates">Rates</a><a href="#sessions">Sessions</a><a href="#hooks">Hooks</a><a href="#log">Log</a>
        </nav>

        <div id="banner" class="banner" role="alert" hidden>
          <span id="banner-text"></span>
          <button type="button" id="banner-button"></button>
        </div>
        <noscript><p class="banner">This page needs JavaScript. The API beneath /api/v1 does not.</p></noscript>

        <main id="main">
          <section id="alarms" class="alarms" aria-label="Alarms">
            <ul id="alarm-list" aria-live="polite"></ul>
          </section>

          <section id="rates" class="wide" aria-labelledby="rates-title" tabindex="-1">
            <div class="charts">
              <figure>
                <figcaption>
                  <h2 id="rates-title">Rates <small>a second, 15 minutes</small></h2>
                  <ul id="rates-legend" class="legend"></ul>
                </figcaption>
                <svg id="rates-chart" role="img"></svg>
              </figure>
              <figure>
                <figcaption>
                  <h2>Hook latency <small>95th percentile, ms</small></h2>
                  <ul id="latency-legend" class="legend"></ul>
                </figcaption>
                <svg id="latency-chart" role="img"></svg>
              </figure>
            </div>
          </section>

          <section id="sessions" class="wide" aria-labelledby="sessions-title" tabindex="-1">
            <div class="head">
              <h2 id="sessions-title">Sessions</h2>
              <fieldset class="choice">
                <legend class="hidden">Which sessions</legend>
                <label><input type="radio" name="state" value="live" checked><span>live</span></label>
                <label><input type="radio" name="state" value="ended"><span>ended</span></label>
                <label><input type="radio" name="state" value="refused"><span>refused</span></label>
              </fieldset>
              <label class="hidden" for="query">Query for sessions</label>
              <input id="query" class="query" type="search" maxlength="1024" autocomplete="off" autocapitalize="off"
                spellcheck="false" placeholder="ip=192.0.2.0/24 and rcpts&gt;5" aria-describedby="query-error">
              <button type="button" id="explain-open">Find a mail</button>
              <span id="sessions-note" class="quiet note"></span>
              <button type="button" id="sessions-more" hidden>More</button>
            </div>
            <p id="query-error" class="error" aria-live="polite"></p>
            <div class="box tall" id="sessions-box" role="region" aria-labelledby="sessions-title" tabindex="0">
              <table id="sessions-table" aria-labelledby="sessions-title"><thead></thead><tbody></tbody></table>
              <p class="empty" id="sessions-empty" hidden></p>
            </div>
          </section>

          <section id="hooks" aria-labelledby="hooks-title" tabindex="-1">
            <div class="head">
              <h2 id="hooks-title">Hooks</h2>
              <label class="check"><input type="checkbox" id="hooks-zero" checked> hide rows without runs</label>
              <span id="hooks-note" class="quiet note"></span>
            </div>
            <div class="box" id="hooks-box" role="region" aria-labelledby="hooks-title" tabindex="0">
              <table id="hooks-table" aria-labelledby="hooks-title"><thead></thead><tbody></tbody></table>
              <p class="empty" id="hooks-empty" hidden></p>
            </div>
          </section>

          <section id="log" aria-labelledby="log-title" tabindex="-1">
            <div class="head">
              <h2 id="log-title">Log</h2>
              <label class="hidden" for="log-level">Level</label>
              <select id="log-level">
                <option value="">as logged</option>
                <option value="LOGERROR">error</option>
                <option value="LOGWARN">warning</option>
                <option value="LOGNOTICE">notice</option>
                <option value="LOGINFO">info</option>
                <option value="LOGDEBUG">debug</option>
              </select>
              <label class="hidden" for="log-plugin">Plugin</label>
              <input id="log-plugin" class="plugin" list="plugin-names" autocomplete="off" autocapitalize="off"
                spellcheck="false" placeholder="plugin">
              <datalist id="plugin-names"></datalist>
              <label class="hidden" for="log-query">Query for log lines</label>
              <input id="log-query" class="query" type="search" maxlength="1024" autocomplete="off"
                autocapitalize="off" spellcheck="false" placeholder="query" aria-describedby="log-error">
              <button type="button" id="log-pause" aria-pressed="false">Pause</button>
              <span id="log-note" class="quiet note"></span>
            </div>
            <p id="log-error" class="error" aria-live="polite"></p>
            <div class="box" id="log-box" role="log" aria-live="off" aria-labelledby="log-title" tabindex="0">
              <ol id="log-lines" class="lines"></ol>
            </div>
            <button type="button" id="log-newest" class="newest" hidden>To the newest line</button>
          </section>
        </main>

        <dialog id="detail" class="side" aria-labelledby="detail-title">
          <div class="head">
            <h2 id="detail-title"></h2>
            <span class="gap"></span>
            <button type="button" data-closes>Close</button>
          </div>
          <div id="detail-body" tabindex="-1"></div>
        </dialog>

        <dialog id="explain" aria-labelledby="explain-title">
          <form id="explain-form">
            <h2 id="explain-title">Find a mail</h2>
            <p>What became of it, who decided, and why. The name in brackets at the end of a reply or bounce is its
              id.</p>
            <label for="explain-by">By</label>
            <select id="explain-by">
              <option value="id">id of a reply, session or mail</option>
              <option value="sender">sender</option>
              <option value="recipient">recipient</option>
              <option value="peer">address of the peer</option>
              <option value="message_id">Message-ID</option>
            </select>
            <label for="explain-text">Value</label>
            <input id="explain-text" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="512"
              required>
            <p id="explain-error" class="error" role="status"></p>
            <div class="buttons"><button>Find</button><button type="button" data-closes>Close</button></div>
          </form>
        </dialog>

        <dialog id="token" aria-labelledby="token-title">
          <form id="token-form" autocomplete="off">
            <h2 id="token-title">Token</h2>
            <p>Without a token this page reads what anybody on this host may read, with addresses hashed. The token is
              sent in a header, and forgotten when the page is closed or loaded again, unless you say otherwise.</p>
            <label for="token-text">Token</label>
            <input id="token-text" type="password" autocomplete="off" maxlength="512">
            <label class="check"><input type="checkbox" id="token-keep"> keep it until this tab is closed</label>
            <p id="token-error" class="error" role="status"></p>
            <div class="buttons">
              <button>Use it</button>
              <button type="button" id="token-forget">Forget it</button>
              <button type="button" data-closes>Close</button>
            </div>
          </form>
        </dialog>

        <dialog id="help" aria-labelledby="help-title">
          <h2 id="help-title">Help</h2>
          <table class="keys">
            <tbody>
              <tr><th scope="row"><kbd>1</kbd> – <kbd>4</kbd></th><td>rates, sessions, hooks, log</td></tr>
              <tr><th scope="row"><kbd>/</kbd></th><td>the query; of the log, if you are in the log</td></tr>
              <tr><th scope="row"><kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd></th><td>choose, open a row</td></tr>
              <tr><th scope="row"><kbd>p</kbd></th><td>pause the log, go on</td></tr>
              <tr><th scope="row"><kbd>Esc</kbd></th><td>close what is open</td></tr>
              <tr><th scope="row"><kbd>?</kbd></th><td>this help</td></tr>
            </tbody>
          </table>
          <label class="check"><input type="checkbox" id="keys-on" checked> single keys work</label>
          <h3>Queries</h3>
          <ul>
            <li><code>plugin=dnsbl and verdict=deny</code>, <code>ip=192.0.2.0/24</code>, <code>rcpts&gt;5</code></li>
            <li><code>helo^=mail.</code> begins with; <code>sender~"^bulk.*@"</code> regular expression</li>
            <li><code>not (user="" or tls="")</code>, <code>age&gt;5m</code>, <code>bytes&gt;1M</code></li>
            <li>a word alone is sought in every text</li>
          </ul>
          <div class="buttons"><button type="button" data-closes>Close</button></div>
        </dialog>
        <script>\#(Self.script)</script>
        </body>
        </html>

        """#

    /// What the page does: one function, so that no name of it is global.
    static let script = [
        "(() => { 'use strict';", Self.commonScript, Self.overviewScript, Self.sessionsScript, Self.detailScript,
        Self.logScript, "})();",
    ].joined(separator: "\n")
}
