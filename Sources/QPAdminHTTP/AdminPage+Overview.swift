// AdminPage+Overview.swift
//
// The page's script: the numbers at its head, the alarms, the charts.

extension AdminPage {
    /// Header and charts.
    static let overviewScript = #"""

        // --- Numbers ---

        const numbers = new Map();

        /** A number at the head: its name, itself, and a line beneath it. */
        function number(name, value, under, className) {
          if (!numbers.has(name)) {
            const cells = [el('dt', '', name), el('dd', 'value'), el('dd', 'under')];
            numbers.set(name, cells);
            $('numbers').append(el('div', '', ...cells));
          }
          const [, main, below] = numbers.get(name);
          set(main, value);
          set(below, under || '\u00a0');
          main.className = 'value ' + (className ?? '');
        }

        const share = (part, all) => all > 0 && part / all >= 0.95 ? 'bad' : all > 0 && part / all >= 0.8 ? 'warn' : '';

        function perSecond(view, title, name, alarming) {
          const rates = view.rates[name] ?? {};
          const now = rates.ten_seconds ?? 0;
          number(title, rate(now), '1m ' + rate(rates.minute ?? 0) + ' · 15m ' + rate(rates.quarter_hour ?? 0),
            now > 0 ? alarming : '');
        }

        const BAD_ALARMS = ['loop_stuck', 'breaker_open', 'reload_refused'];
        let bootedAt = 0;

        function showOverview(view) {
          set($('name'), clean(view.name || 'qpserver'));
          document.title = clean(view.name || 'qpserver') + ' – qpserver';
          set($('version'), 'qpserver ' + clean(view.version));
          set($('uptime'), 'up ' + duration(view.uptime) + ', configuration ' + view.generation);
          const modes = [view.is_draining && 'draining', view.is_soft_bouncing && 'soft bounce'].filter(Boolean);
          if ($('modes').textContent !== modes.join('')) {
            $('modes').replaceChildren(...modes.map((mode) => el('span', 'mode', mode)));
          }
          number('Sessions', short(view.sessions), 'of ' + short(view.sessions_limit),
            share(view.sessions, view.sessions_limit));
          perSecond(view, 'Connections /s', 'connections');
          perSecond(view, 'Queued /s', 'messages_queued', 'good');
          perSecond(view, 'Rejected /s', 'messages_rejected', 'bad');
          perSecond(view, 'Deferred /s', 'messages_deferred', 'warn');
          number('Queued in all', short(view.totals.messages_queued ?? 0), octets(view.totals.octets ?? 0));
          const loops = view.loops ?? [];
          const stuck = loops.filter((loop) => loop.stuck !== undefined).length;
          number('Loop lag', duration(Math.max(0, ...loops.map((loop) => loop.lag))),
            stuck ? stuck + ' of ' + loops.length + ' stuck' : loops.length + ' loops', stuck ? 'bad' : '');
          number('Memory', octets(view.memory), view.log_dropped ? short(view.log_dropped) + ' log lines lost' : '');
          number('Descriptors', short(view.descriptors), 'of ' + short(view.descriptors_limit),
            share(view.descriptors, view.descriptors_limit));
          const phases = Object.entries(view.sessions_by_phase ?? {}).filter(([, count]) => count > 0);
          $('sessions-title').title = phases.map(([phase, count]) => clean(phase) + ' ' + count).join(', ');
          showAlarms(view.alarms ?? []);

          const booted = view.now - view.uptime;
          if (bootedAt && Math.abs(booted - bootedAt) > 3) serverRestarted();
          bootedAt = booted;
        }

        let shownAlarms = '[]';

        function showAlarms(alarms) {
          const text = JSON.stringify(alarms);
          if (text === shownAlarms) return;
          shownAlarms = text;
          $('alarm-list').replaceChildren(...alarms.map(({ kind, text: says }) => el('li',
            BAD_ALARMS.includes(kind) ? 'bad' : '', el('b', '', clean(kind).replaceAll('_', ' ')), clean(says, 500))));
        }

        new Poller(2, async (signal) => {
          const view = await get('overview', {}, signal);
          link('live', 'good');
          showOverview(view);
        });

        async function showReader(signal) {
          const who = await get('whoami', {}, signal);
          const hides = who.hides_addresses ?? !token;
          set($('who'), clean(who.role) + (hides ? ', addresses hashed' : ''));
          $('who').title = clean(who.name);
        }

        new Poller(300, showReader);

        // --- Charts ---

        const SPAN = 900;
        const BIN = 5;

        /** Means, or largest values, of five seconds each; the last one only if it is complete. */
        function binned(series, name, largest) {
          const first = Math.floor(series.start / BIN);
          const bins = [];
          (series.series[name] ?? []).forEach((value, index) => {
            const bin = Math.floor((series.start + index) / BIN) - first;
            (bins[bin] ??= []).push(value);
          });
          if (bins.length > 1 && bins.at(-1).length < BIN) bins.pop();
          return bins.map((values) => largest ? Math.max(...values)
            : values.reduce((sum, value) => sum + value, 0) / values.length);
        }

        /** The next of 1, 2, 5, 10, 20, ... */
        function ceiling(value) {
          const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
          return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999) ?? value;
        }

        class Chart {
          /** Lines: a name of the API, a caption, a class. */
          constructor(id, lines, largest) {
            Object.assign(this, { svg: $(id + '-chart'), lines, largest, values: [], at: null });
            for (const line of lines) {
              const sample = drawn('svg', { viewBox: '0 0 18 9', 'aria-hidden': 'true' });
              sample.append(drawn('path', { d: 'M0 4.5H18', class: line.className }));
              line.shown = el('b', '');
              $(id + '-legend').append(el('li', '', sample, line.caption + ' ', line.shown));
            }
            if (lines.length === 1) $(id + '-legend').append(this.when = el('li', 'quiet'));
            this.svg.addEventListener('pointermove', (event) => this.point(event));
            this.svg.addEventListener('pointerleave', () => { this.at = null; this.draw(); });
          }

          show(series) {
            this.first = Math.floor(series.start / BIN);
            this.values = this.lines.map((line) => binned(series, line.name, this.largest));
            this.draw();
          }

          point(event) {
            const x = event.clientX - this.svg.getBoundingClientRect().left;
            const count = this.values[0]?.length ?? 0;
            const bin = Math.floor((this.from + (x - this.left) / this.width * SPAN) / BIN) - this.first;
            this.at = bin >= 0 && bin < count ? bin : null;
            this.draw();
          }

          draw() {
            const count = Math.max(0, ...this.values.map((values) => values.length));
            const [width, height] = [this.svg.clientWidth, this.svg.clientHeight];
            if (!count || width < 80) return;
            const [bottom, top] = [height - 16, 6];
            Object.assign(this, { left: 32, width: width - 40, from: (this.first + count) * BIN - SPAN });
            const most = ceiling(Math.max(1, ...this.values.flat()));
            const x = (bin) => this.left + ((this.first + bin + 0.5) * BIN - this.from) / SPAN * this.width;
            const y = (value) => bottom - Math.min(value, most) / most * (bottom - top);
            const parts = [0, 0.5, 1].flatMap((part) => this.level(part * most, y(part * most)));
            for (let time = Math.ceil(this.from / 180) * 180; time < this.from + SPAN; time += 180) {
              const place = this.left + (time - this.from) / SPAN * this.width;
              parts.push(drawn('path', { d: `M${place} ${top}V${bottom}`, class: 'grid' }));
              if (place > this.left + 14 && place < width - 22) {
                const label = { x: place, y: height - 3, 'text-anchor': 'middle' };
                parts.push(drawn('text', label, clockTime(time).slice(0, 5)));
              }
            }
            this.lines.forEach((line, index) => {
              const points = this.values[index].map((value, bin) => x(bin).toFixed(1) + ' ' + y(value).toFixed(1));
              if (points.length) parts.push(drawn('path', { d: 'M' + points.join('L'), class: line.className }));
            });
            if (this.at !== null) parts.push(drawn('path', { d: `M${x(this.at)} ${top}V${bottom}`, class: 'cross' }));
            this.svg.replaceChildren(...parts);
            this.tell();
          }

          level(value, y) {
            const text = value !== 0 && value < 1 ? value.toFixed(1) : short(value);
            return [drawn('path', { d: `M${this.left} ${y}H${this.left + this.width}`, class: 'grid' }),
              drawn('text', { x: this.left - 5, y: y + 4, 'text-anchor': 'end' }, text)];
          }

          tell() {
            const texts = this.lines.map((line, index) => {
              set(line.shown, rate(this.values[index].at(this.at ?? -1) ?? 0));
              return line.caption + ' ' + line.shown.textContent;
            });
            const when = this.at === null ? 'now' : clockTime((this.first + this.at) * BIN);
            if (this.when) set(this.when, when);
            this.svg.setAttribute('aria-label', when + ': ' + texts.join(', '));
          }
        }

        const charts = [
          new Chart('rates', [
            { name: 'connections', caption: 'connections', className: 's-connections' },
            { name: 'messages_queued', caption: 'queued', className: 's-queued' },
            { name: 'messages_rejected', caption: 'rejected', className: 's-rejected' },
            { name: 'messages_deferred', caption: 'deferred', className: 's-deferred' },
          ], false),
          new Chart('latency', [{ name: 'latency_p95', caption: 'p95', className: 's-latency' }], true),
        ];

        new Poller(2, async (signal) => {
          const series = await get('rates', { seconds: SPAN }, signal);
          charts.forEach((chart) => chart.show(series));
        });

        new ResizeObserver(() => charts.forEach((chart) => chart.draw())).observe($('rates'));

        """#
}
