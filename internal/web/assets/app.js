// What gets better with JavaScript: copying, live pages, passkeys, and times in
// the visitor's own zone. Every page works without.
"use strict";

document.documentElement.classList.add("js");

// The server writes times in the zone that it is told here.
try {
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	const secure = location.protocol === "https:" ? "; Secure" : "";
	document.cookie = "zone=" + encodeURIComponent(zone) + "; Path=/; Max-Age=31536000; SameSite=Lax" + secure;
} catch { /* UTC it is */ }

// Copy buttons: data-copy is the id of what to copy.
document.addEventListener("click", async (event) => {
	const button = event.target.closest("[data-copy]");
	if (!button) return;
	const text = document.getElementById(button.dataset.copy).textContent;
	try {
		await navigator.clipboard.writeText(text);
	} catch { // no permission, or plain HTTP
		const area = document.createElement("textarea");
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
	const label = button.querySelector("span");
	label.dataset.usual ??= label.textContent;
	label.textContent = button.dataset.done;
	setTimeout(() => { label.textContent = label.dataset.usual; }, 2000);
});

// Devices narrow down while one types.
document.addEventListener("input", (event) => {
	if (event.target.id !== "filter") return;
	const words = event.target.value.toLowerCase().split(/\s+/);
	for (const device of document.querySelectorAll(".devices > li")) {
		const text = device.textContent.toLowerCase();
		device.hidden = !words.every((word) => text.includes(word));
	}
	for (const group of document.querySelectorAll(".device-group")) {
		group.hidden = !group.querySelector(".devices > li:not([hidden])");
	}
	document.getElementById("none").hidden = document.querySelector(".device-group:not([hidden])") !== null;
});

// The preview of a brand has the colour that is being chosen.
document.addEventListener("input", (event) => {
	if (event.target.id !== "colour") return;
	const colour = encodeURIComponent(event.target.value);
	document.getElementById("preview-style").href = "/staff/brand/preview.css?colour=" + colour;
	document.querySelector("[name=plain]").checked = false;
});

// A live page hears that something has changed, and htmx asks for it again.
let stream;
function listen() {
	const live = document.querySelector("[data-events]");
	stream?.close();
	stream = undefined;
	if (!live || document.hidden) return;
	stream = new EventSource(live.dataset.events);
	stream.addEventListener("changed", () => {
		stream.close();
		htmx.trigger(document.body, "changed");
	});
}
document.addEventListener("DOMContentLoaded", listen);
document.addEventListener("visibilitychange", listen);
document.addEventListener("htmx:afterSettle", listen);

// What somebody has opened to read stays open when the page is made anew.
let opened = [];
document.addEventListener("htmx:beforeSwap", () => {
	opened = [...document.querySelectorAll("#live details[open]")].map((details) => details.textContent);
});
document.addEventListener("htmx:afterSettle", () => {
	for (const details of document.querySelectorAll("#live details")) {
		if (opened.includes(details.textContent)) details.open = true;
	}
});

// Passkeys: a form with data-passkey ("get" or "create") asks the authenticator what
// the server wants to know, and sends its word along.
document.addEventListener("submit", async (event) => {
	const form = event.target;
	if (!form.dataset.passkey || form.elements.credential.value) return;
	event.preventDefault();
	const fault = form.querySelector("[data-fault]");
	fault.hidden = true;
	try {
		const answer = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
		if (!answer.ok) throw new Error(answer.statusText);
		const asked = await answer.json();
		const told = asked.options.publicKey;
		const credential = form.dataset.passkey === "create"
			? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(told) })
			: await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(told) });
		form.elements.challenge.value = asked.ticket;
		form.elements.credential.value = JSON.stringify(credential);
		form.submit();
	} catch {
		fault.hidden = false;
	}
});
